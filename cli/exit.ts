import { type Failure, FailureError } from '../core/errors.js';
import { fileProblem } from '../core/input/file-problem.js';

/**
 * Exit codes, the same everywhere. `invalid` belongs to commands that wait for a sweep, and `nothingRuns` to
 * a plan of which nothing can run on the machines that were asked about. `undecided` belongs to a gate that
 * noise leaves open, if the command was told to fail then, and to a bundle whose numbers could not all be
 * computed again.
 */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  gate: 3,
  invalid: 4,
  nothingRuns: 5,
  undecided: 6,
  interrupted: 130,
} as const;

/**
 * Ends a command with one clear sentence: what is wrong and where, then what to do next.
 * Thrown anywhere below a command; main.ts prints it without a stack.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;
  readonly hint: string | null;
  constructor(message: string, exitCode: number, hint: string | null = null) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** @returns the words of the user are wrong: exit code 2. */
export function usageError(message: string, hint: string | null = null): CommandError {
  return new CommandError(message, EXIT.usage, hint);
}

/** @returns the work failed: exit code 1. */
export function workError(message: string, hint: string | null = null): CommandError {
  return new CommandError(message, EXIT.failed, hint);
}

/** @returns a failure of the domain as the end of a command, with the exit code given. */
export function fromFailure(reason: Failure, exitCode: number = EXIT.failed): CommandError {
  return new CommandError(reason.message, exitCode, reason.hint);
}

/** @throws CommandError (2) in place of a FailureError: the words of the user are to blame. */
export function asWords<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof FailureError ? fromFailure(error.failure, EXIT.usage) : error;
  }
}

/**
 * Reads or writes a file that somebody named.
 * @param what is not done where that fails.
 * @throws CommandError (2) with what the system says.
 */
export function tryFile<T>(what: string, work: () => T, hint: string | null = null): T {
  try {
    return work();
  } catch (error) {
    // The work said what is wrong in its own words.
    if (error instanceof CommandError) throw error;
    throw usageError(`${what}: ${fileProblem(error)}`, hint);
  }
}
