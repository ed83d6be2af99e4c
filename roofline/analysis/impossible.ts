import { type FailureError, failed } from '../../core/errors.js';

/** @returns an error for an impossible point, with one sentence and what to do next. */
export function impossible(message: string, hint: string): FailureError {
  return failed('impossible-combination', message, hint);
}
