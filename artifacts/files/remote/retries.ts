import { setTimeout as sleep } from 'node:timers/promises';
import { LEAST_BYTES_PER_SECOND } from './arriving.js';
import { Interrupted } from './interrupted.js';
import { gaveUp } from './refusals.js';
import type { Asking } from './request.js';

const LONGEST_PAUSE_SECONDS = 60;

/**
 * Tries again what was interrupted, pausing twice as long each time, or as long as the server asks for.
 * @param progress bytes so far: attempts that brought as many as a connection has to do not count as failed
 *   ones.
 * @throws FailureError `fetch-failed` after `policy.attempts` in a row; everything but Interrupted as it is.
 */
export async function retrying<T>(
  source: string,
  { policy, signal }: Asking,
  work: () => Promise<T>,
  progress: () => number = () => 0,
): Promise<T> {
  for (let failures = 0; ; ) {
    const before = progress();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      const brought = progress() - before;
      failures = brought >= LEAST_BYTES_PER_SECOND * policy.stallSeconds ? 1 : failures + 1;
      if (failures >= policy.attempts) throw gaveUp(source, error, failures);
      const pause = Math.min(policy.backoffSeconds * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS);
      await sleep(1000 * (error.waitSeconds ?? pause), undefined, { signal }).catch(() => {
        throw signal.reason;
      });
    }
  }
}
