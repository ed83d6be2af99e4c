import { FailureError } from '../../core/errors.js';

/** No server of the log answers, or none that is ready yet: the same may succeed a moment later. */
export class StoreAway extends FailureError {
  override readonly passes = true;
}

/** What the system was asked to do when nobody was there. */
const CALLS: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo', 'read', 'write']);

/**
 * @returns whether the network found nobody; a file that is missing, or a server that says no, is another
 *   matter.
 */
export function isUnreachable(error: Error): boolean {
  // One for each address of a name.
  const [first = error] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  return CALLS.has((first as NodeJS.ErrnoException).syscall);
}
