import { CommanderError } from 'commander';
import { toFailure } from '../core/errors.js';
import { printableLines } from '../core/input/printable.js';
import { CommandError, EXIT } from './exit.js';
import { createProgram } from './program.js';

/**
 * Does what the words ask for; whatever ends it is one sentence on stderr and what to do next.
 * @param args those behind `ridge`.
 * @returns the exit code.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    await (await createProgram(args)).parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
  return Number(process.exitCode ?? EXIT.ok);
}

/** Sentences of other machines and engines, and names of other people's, are among what is printed. */
function print(message: string, hint: string | null): void {
  process.stderr.write(`ridge: ${printableLines(message).join('\n')}\n`);
  if (hint !== null) process.stderr.write(`       ${printableLines(hint).join('\n')}\n`);
}

/** Prints one sentence and what to do next; a stack only when the operator asks for it. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version end the same way as errors in commander; they have exit code 0.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (error instanceof CommandError) {
    print(error.message, error.hint);
    return error.exitCode;
  }
  const reason = toFailure(error);
  print(reason.message, reason.hint);
  if (reason.code === 'internal' && process.env.RIDGE_DEBUG && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  return EXIT.failed;
}
