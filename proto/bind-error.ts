import { WireError } from './errors.js';

/** Why an address could not be listened on, in one sentence with what to do. */
export function bindError(address: string, error: Error): WireError {
  const code = (error as NodeJS.ErrnoException).code ?? error.message;
  if (/EADDRINUSE/.test(code)) {
    // The address is a right one and may be free again in a moment.
    return new WireError('unavailable', `${address} is in use already`, [
      'Stop what listens there, or choose another address.',
    ]);
  }
  if (/EACCES/.test(code)) {
    return new WireError('refused', `${address} may not be used by this user: choose a port above 1023.`);
  }
  if (/ENOTFOUND|EADDRNOTAVAIL|EAI_AGAIN/.test(`${code} ${error.message}`)) {
    return new WireError('refused', `${address} is no address of this machine: choose one that it has.`);
  }
  return new WireError('refused', `${address} cannot be listened on: ${error.message}`);
}
