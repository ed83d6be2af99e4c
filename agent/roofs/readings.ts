import { FailureError } from '../../core/errors.js';
import type { RoofReading } from '../../core/result/roofs.js';
import type { ProgressReport, Task } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { moments, stddev } from '../../statistics/summary.js';
import type { RoofsRequest } from './measurer.js';

/** Far beyond what a machine of many cores takes; a child that hangs must end. */
const TIME_LIMIT_SECONDS = 180;

/**
 * Has a child process on these CPUs take readings.
 * @throws FailureError what it died of; `cancelled` by the signal.
 */
export async function takeInChild<Taken>(
  task: Task<Taken, ProgressReport>,
  cpus: readonly number[],
  { onProgress, signal }: Pick<RoofsRequest, 'onProgress' | 'signal'>,
): Promise<Taken> {
  const launched = launch({
    task,
    cpus,
    timeLimitSeconds: TIME_LIMIT_SECONDS,
    memoryLimitBytes: null,
    onMessage(message) {
      if (message.type === 'progress') onProgress?.(message.done, message.of);
    },
  });
  const stop = () => launched.kill('the agent is stopping');
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  const { answer, failure: why } = await launched.ended;
  signal?.removeEventListener('abort', stop);
  if (why !== null) throw new FailureError(why);
  return answer;
}

/** @param best which repeat is the roof: the largest of rates, the smallest of times. */
export function reading(samples: readonly number[], best: (...values: number[]) => number): RoofReading {
  const deviation = stddev(samples);
  return {
    value: best(...samples),
    samples: [...samples],
    cv: deviation === null ? null : deviation / moments(samples).mean,
  };
}
