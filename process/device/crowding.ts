import { systemText } from './system-text.js';

/** Less CPU time than this says nothing. */
const LEAST_SECONDS = 0.1;

/**
 * How long this machine keeps a process waiting that would run: the scheduler counts for the main thread of
 * this one when it ran, and when it stood in a queue behind others (`/proc/self/schedstat`, nanoseconds).
 * @returns seconds from the start of this process on for each second of CPU: 1 where nothing else runs, and
 *   where nobody says.
 */
export function crowding(procRoot = '/proc'): number {
  const [ran = 0, waited = 0] = (systemText(`${procRoot}/self/schedstat`) ?? '').split(' ').map(Number);
  return ran < LEAST_SECONDS * 1e9 || !Number.isFinite(waited) ? 1 : (ran + waited) / ran;
}
