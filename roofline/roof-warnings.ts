import type { RoofWarning } from '../core/result/roof-warnings.js';
import { ARITHMETICS, type Arithmetic } from '../core/work/work.js';
import { WIDER } from './ceilings.js';

/** A peak, as roofs have it. */
interface MeasuredPeak {
  readonly arithmetic: Arithmetic;
  readonly threads: number;
  readonly flopsPerSecond: { readonly value: number };
  readonly instructions?: string | undefined;
}

/** Two roofs nearer than this share are equal: repeats differ by as much. */
const TOLERANCE = 0.05;

/**
 * Roofs of narrower types that lie under one of a wider type, at the most threads that were measured: there
 * the processor has no instructions for the type that pay, or the measurement was disturbed.
 */
export function roofsUnderWider(compute: readonly MeasuredPeak[]): RoofWarning[] {
  const threads = Math.max(...compute.map((roof) => roof.threads));
  const best = ARITHMETICS.flatMap((arithmetic) => {
    const own = compute.filter((roof) => roof.arithmetic === arithmetic && roof.threads === threads);
    return own.length === 0
      ? []
      : [own.reduce((a, b) => (b.flopsPerSecond.value > a.flopsPerSecond.value ? b : a))];
  });
  return best.flatMap((narrow) => {
    const above = best
      .filter(
        (wide) =>
          WIDER[narrow.arithmetic].includes(wide.arithmetic) &&
          narrow.flopsPerSecond.value < (1 - TOLERANCE) * wide.flopsPerSecond.value,
      )
      .sort((a, b) => b.flopsPerSecond.value - a.flopsPerSecond.value)[0];
    if (above === undefined) return [];
    const message =
      `${described(narrow)} is under ${described(above)} at ${threads === 1 ? '1 thread' : `${threads} threads`}: ` +
      `no instructions for ${narrow.arithmetic} that pay here, or a disturbed measurement; ` +
      `what computes ${narrow.arithmetic} in ${above.arithmetic} can run above this roof`;
    return [{ code: 'under-wider-type', message }];
  });
}

function described({ arithmetic, flopsPerSecond, instructions }: MeasuredPeak) {
  const by = instructions === undefined ? '' : ` by ${instructions}`;
  return `${arithmetic} (${(flopsPerSecond.value / 1e9).toFixed(0)} Gop/s${by})`;
}
