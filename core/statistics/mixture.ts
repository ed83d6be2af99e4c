import { studentCdf, studentQuantile } from './distributions.js';

/** Student's t with `df` degrees of freedom, moved to `centre` and stretched by `scale`; a scale of 0 is a certainty. */
export interface StudentPart {
  /** Shares of a mixture add up to 1. */
  readonly share: number;
  readonly centre: number;
  readonly scale: number;
  readonly df: number;
}

/** Probability that a variable of this mixture is at most x. */
export function mixtureCdf(parts: readonly StudentPart[], x: number): number {
  return parts.reduce((sum, { share, centre, scale, df }) => {
    if (scale === 0) return sum + (x >= centre ? share : 0);
    return sum + share * studentCdf((x - centre) / scale, df);
  }, 0);
}

/**
 * Inverse of mixtureCdf, to 1e-7 of the distance between its parts' own quantiles: regula falsi between the outermost, in the Illinois
 * form (Dowell & Jarratt, BIT 11, 1971).
 */
export function mixtureQuantile(parts: readonly StudentPart[], p: number): number {
  const quantiles = new Map<number, number>();
  const ends = parts.map(({ centre, scale, df }) => {
    if (scale === 0) return centre;
    const quantile = quantiles.get(df) ?? studentQuantile(p, df);
    quantiles.set(df, quantile);
    return centre + scale * quantile;
  });
  const end = (x: number) => ({ x, excess: mixtureCdf(parts, x) - p });
  let [low, high] = [end(Math.min(...ends)), end(Math.max(...ends))];
  // Starts that differ in their last bits alone leave no number between the ends.
  const finest = 4 * Number.EPSILON * Math.max(Math.abs(low.x), Math.abs(high.x));
  const resolution = Math.max(1e-7 * (high.x - low.x), finest);
  while (high.x - low.x > resolution) {
    const slope = high.excess - low.excess;
    const cut = end(slope > 0 ? low.x - (low.excess * (high.x - low.x)) / slope : (low.x + high.x) / 2);
    if (Math.abs(cut.excess) < 1e-9 * Math.min(p, 1 - p)) return cut.x;
    // The end that stays is pulled towards the root, or it would stay for ever.
    if (cut.excess < 0) [low, high] = [cut, { ...high, excess: high.excess / 2 }];
    else [low, high] = [{ ...low, excess: low.excess / 2 }, cut];
  }
  return (low.x + high.x) / 2;
}
