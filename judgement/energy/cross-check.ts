import type { EnergySource } from '../../core/metrics/energy.js';
import type { Reading } from '../../core/metrics/integrate.js';
import { warnIf } from '../../core/result/warnings.js';
import { allMissing, perRepeat, single } from '../entries.js';
import type { Findings } from '../evidence.js';
import { joulesOf, type Observation } from './observations.js';

/** If counter and integral differ by more than this share of the counter, the row gets a note. */
const DISAGREEMENT = 0.05;

/**
 * The integral of power, beside the counter over the same windows, and their difference where both are known.
 */
export function crossCheckFindings(
  crossCheck: EnergySource | null,
  observed: readonly { readonly observation: Observation; readonly reading: Reading }[],
): Findings {
  const none = 'only one of energy counter and power readings exists for this device';
  if (crossCheck === null) {
    const names = ['energyIntegralJoules', 'energyIntegralDifferenceRatio'] as const;
    return { entries: allMissing(names, none), warnings: [] };
  }
  const integrals = observed.map(({ observation }) => joulesOf(observation, crossCheck));
  const known = integrals.flatMap((integral) => (integral.value === null ? [] : [integral.value]));
  const pairs = observed.flatMap(({ reading }, i) => {
    const integral = integrals[i]?.value ?? null;
    return reading.value === null || integral === null ? [] : [{ counter: reading.value, integral }];
  });
  const sum = (pick: (p: (typeof pairs)[number]) => number) => pairs.reduce((s, p) => s + pick(p), 0);
  const ratio = pairs.length === 0 ? null : sum((p) => p.integral) / sum((p) => p.counter) - 1;
  const lost = integrals.find((integral) => integral.value === null);
  const noPairs = 'no repeat is covered by both the counter and the power readings';
  const [integral, counter] = [sum((p) => p.integral).toFixed(2), sum((p) => p.counter).toFixed(2)];
  return {
    entries: {
      energyIntegralJoules: perRepeat(
        known,
        lost?.value === null ? lost.reason : 'nothing was measured',
        crossCheck.label,
      ),
      energyIntegralDifferenceRatio: single(ratio, noPairs),
    },
    warnings: warnIf(
      Math.abs(ratio ?? 0) > DISAGREEMENT,
      'counter-integral-disagree',
      `the integral of power is ${((ratio ?? 0) * 100).toFixed(1)} % off the energy counter (${integral} J against ${counter} J)`,
    ),
  };
}
