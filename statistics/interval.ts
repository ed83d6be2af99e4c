import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { studentQuantile } from './distributions.js';
import { quantileOfSorted } from './quantile.js';
import { mean, stddev } from './summary.js';

/** Lower and upper end of a confidence interval, in the unit of the values. */
export type Interval = readonly [low: number, high: number];

/**
 * Student's t interval of the mean: mean ± t(1 − α/2, n − 1) · s / √n. Tables use it by default, because a
 * trial has few repeats and a bootstrap of three numbers can only draw these three.
 * @returns null for fewer than two values.
 */
export function tInterval(values: readonly number[], confidence = 0.95): Interval | null {
  const spread = stddev(values);
  if (spread === null) return null;
  const critical = studentQuantile(0.5 + confidence / 2, values.length - 1);
  const half = (critical * spread) / Math.sqrt(values.length);
  const centre = mean(values);
  return [centre - half, centre + half];
}

/** Half width of the t interval as a share of |mean|; null for fewer than two values or a mean of 0. */
export function relativeHalfWidth(values: readonly number[], confidence = 0.95): number | null {
  const interval = tInterval(values, confidence);
  const centre = Math.abs(mean(values));
  return interval === null || centre === 0 ? null : (interval[1] - interval[0]) / 2 / centre;
}

const DRAWS = 2000;
/** Bootstrap draws: fewer from `manyFrom` values on, where each draw takes long. */
const DRAWS_OF = { few: 1000, many: 200, manyFrom: 5000 };

/**
 * Percentile bootstrap of the mean (Efron, Annals of Statistics 7(1), 1979): for values that are far from
 * normal, and not few. The draws are the same on every machine.
 * @returns null for fewer than two values.
 */
export function bootstrapInterval(values: readonly number[]): Interval | null {
  const meanOf = (drawn: Uint32Array) => {
    let sum = 0;
    for (const i of drawn) sum += values[i]!;
    return sum / drawn.length;
  };
  return bootstrapOf(values.length, meanOf, { draws: DRAWS });
}

/**
 * Percentile bootstrap of any statistic of a list of things, which are drawn with replacement (Efron): F1,
 * AUC, corpus BLEU. The draws are the same on every machine.
 * @param statistic gets the indices of the drawn things; null = it has no value for them, and the draw is
 *   left out.
 * @returns null for fewer than two things, or if fewer than half of the draws have a value.
 */
export function bootstrapOf(
  things: number,
  statistic: (drawn: Uint32Array) => number | null,
  { draws = things < DRAWS_OF.manyFrom ? DRAWS_OF.few : DRAWS_OF.many }: { readonly draws?: number } = {},
): Interval | null {
  if (things < 2) return null;
  const random = xoroshiro128plus(42);
  const drawn = new Uint32Array(things);
  const values: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    for (let i = 0; i < things; i++) drawn[i] = uniformInt(random, 0, things - 1);
    const value = statistic(drawn);
    if (value !== null) values.push(value);
  }
  if (values.length < draws / 2) return null;
  const ordered = Float64Array.from(values).sort();
  const tail = (1 - 0.95) / 2;
  return [quantileOfSorted(ordered, tail), quantileOfSorted(ordered, 1 - tail)];
}
