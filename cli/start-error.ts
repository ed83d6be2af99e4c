import { WireError } from '../proto/errors.js';
import { CommandError, usageError, workError } from './exit.js';

/** What keeps a server from starting, as one sentence with the next step. */
export function startError(error: unknown): unknown {
  if (error instanceof CommandError) return error;
  if (error instanceof WireError) {
    const hint = error.details.length === 0 ? null : error.details.join('\n       ');
    const isUsage = error.code === 'refused' || error.code === 'invalid';
    return isUsage ? usageError(error.message, hint) : workError(error.message, hint);
  }
  return error;
}
