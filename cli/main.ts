#!/usr/bin/env node
import { CommanderError } from 'commander';
import { toFailure } from '../core/errors.js';
import { CommandError, EXIT } from './exit.js';
import { createProgram } from './program.js';

/** Prints one sentence and what to do next; a stack only when the operator asks for it. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version end the same way as errors in commander; they have exit code 0.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (error instanceof CommandError) {
    process.stderr.write(`ridge: ${error.message}\n`);
    if (error.hint !== null) process.stderr.write(`       ${error.hint}\n`);
    return error.exitCode;
  }
  const reason = toFailure(error);
  process.stderr.write(`ridge: ${reason.message}\n`);
  if (reason.hint !== null) process.stderr.write(`       ${reason.hint}\n`);
  if (reason.code === 'internal' && process.env.RIDGE_DEBUG && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  return EXIT.failed;
}

// A reader that closes early (`ridge results | head`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
