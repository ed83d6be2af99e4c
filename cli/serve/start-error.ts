import { WireError } from '../../proto/errors.js';
import { CommandError, usageError, workError } from '../exit.js';

/** What keeps a server from starting, as one sentence with the next step. */
export function startError(error: unknown): unknown {
  if (error instanceof CommandError) return error;
  if (error instanceof WireError) {
    return error.code === 'refused' || error.code === 'invalid'
      ? usageError(error.message)
      : workError(error.message);
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE' || /address.*(in use|taken)/i.test(message ?? '')) {
    return workError(message, 'Another program listens there: stop it, or choose another address.');
  }
  return error;
}
