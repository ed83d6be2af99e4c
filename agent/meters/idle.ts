import { cleanSeries } from '../../core/metrics/series.js';
import type { SampleSeries } from '../../core/result/result.js';

/**
 * Idle power per energy domain, in watts, from readings taken before the model was loaded: growth of the
 * counter where there is one, else the mean of the power (of a mean over a second it is the same). A domain that cannot be told is left out.
 */
export function idleWatts(samples: readonly SampleSeries[]): Record<string, number> {
  const watts: Record<string, number> = {};
  for (const { quantity, seconds, values } of samples.map(cleanSeries)) {
    const [what, domain] = quantity.split(':');
    if (domain === undefined || values.length < 2) continue;
    if (what === 'energyJoules') {
      const power = growth(seconds, values);
      if (power !== null) watts[domain] = power;
    } else if (what === 'powerWatts' || what === 'powerAverageWatts') {
      watts[domain] ??= values.reduce((sum, value) => sum + value, 0) / values.length;
    }
  }
  return watts;
}

/** From the first change of the counter to its last: its steps are longer than our period. */
function growth(seconds: readonly number[], values: readonly number[]): number | null {
  // Begun anew meanwhile: what it counted before is not known.
  if (values.some((value, i) => i > 0 && value < values[i - 1]!)) return null;
  const changes = values.flatMap((value, i) => (i > 0 && value !== values[i - 1] ? [i] : []));
  const [first, last] = [changes[0], changes.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  return (values[last]! - values[first]!) / (seconds[last]! - seconds[first]!);
}
