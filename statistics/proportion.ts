import { normalQuantile } from './distributions.js';
import type { Interval } from './interval.js';

/**
 * Score interval of a share (Wilson, JASA 22(158), 1927): correct also for shares near 0 and 1 and for few
 * trials.
 * @param successes of `trials`
 * @returns [0, 1] without a trial, when nothing is known.
 */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Interval {
  if (trials === 0) return [0, 1];
  const z = normalQuantile(0.5 + confidence / 2);
  const share = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  // Rounding would leave 1 - 1e-17 where all or none succeeded.
  return [
    successes === 0 ? 0 : Math.max(0, centre - half),
    successes === trials ? 1 : Math.min(1, centre + half),
  ];
}
