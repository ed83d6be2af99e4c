#!/usr/bin/env node
import { CommanderError } from 'commander';
import { takeToken } from '../agent/token.js';
import { toFailure } from '../core/errors.js';
import { printableLines } from '../core/input/printable.js';
import { CommandError, EXIT } from './exit.js';
import { createProgram } from './program.js';

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

// Before anything is started.
takeToken();

// A reader that closes early (`ridge results | head`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
