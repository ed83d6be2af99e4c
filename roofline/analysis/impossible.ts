import { FailureError, failure } from '../../core/errors.js';

/** @returns a point that cannot be as something to throw: one sentence, and what to do next. */
export function impossible(message: string, hint: string): FailureError {
  return new FailureError(failure('impossible-combination', message, { hint }));
}
