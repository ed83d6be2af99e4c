import { type FailureError, failed } from '../../core/errors.js';

/** @returns a point that cannot be as something to throw: one sentence, and what to do next. */
export function impossible(message: string, hint: string): FailureError {
  return failed('impossible-combination', message, hint);
}
