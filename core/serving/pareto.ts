/**
 * The curve of MLPerf Endpoints: at which numbers of concurrent requests a system is measured, and the two axes (rules v1.0 §5;
 * submission_checker/models/regions.py of endpoints-submission-cli 1.5.3.0).
 */

/** Concurrency up to here is ultra low, whatever else the system carries. */
export const ULTRA_LOW = 32;
export const FEWEST_POINTS = 7;
export const MOST_POINTS = 32;

/** From the smallest to the largest concurrency that lies in it; empty where start > end. */
export interface Region {
  readonly start: number;
  readonly end: number;
}

export interface Regions {
  /** 1 to cMin, or to 32 where nothing was declared; a point of it may lie in the next region, too. */
  readonly ultraLow: Region;
  readonly low: Region;
  readonly medium: Region;
  readonly high: Region;
  /** A tenth above cMax: allowed, and part of no region. */
  readonly margin: Region;
}

/**
 * §5.5: three bands between cMin and cMax of equal width in log2(concurrency − cMin).
 * @param cMax largest concurrency that the system is said to support; above 32
 * @param cMin smallest of the curve, 1 to 32
 * @param declared whether cMin was set by the submitter, which makes ultra low end there
 * @throws RangeError for numbers out of these ranges.
 */
export function paretoRegions(cMax: number, cMin: number, declared = false): Regions {
  if (!Number.isInteger(cMin) || cMin < 1 || cMin > ULTRA_LOW) {
    throw new RangeError(
      `the smallest concurrency of a curve is a whole number from 1 to ${ULTRA_LOW}, not ${cMin}`,
    );
  }
  if (!Number.isInteger(cMax) || cMax <= ULTRA_LOW) {
    throw new RangeError(
      `the largest concurrency of a curve is a whole number above ${ULTRA_LOW}, not ${cMax}`,
    );
  }
  const width = Math.log2(cMax - cMin) / 3;
  const [lowEnd, mediumEnd] = [halfToEven(cMin + 2 ** width), halfToEven(cMin + 2 ** (2 * width))];
  return {
    ultraLow: { start: 1, end: declared ? cMin : ULTRA_LOW },
    low: { start: cMin + 1, end: lowEnd },
    medium: { start: lowEnd + 1, end: mediumEnd },
    high: { start: mediumEnd + 1, end: cMax },
    margin: { start: cMax + 1, end: Math.ceil(1.1 * cMax) },
  };
}

/**
 * Proposes the concurrencies of a curve: its ends, then points so that every region has one and neighbours are as evenly apart as whole
 * numbers allow (in ratios).
 * @param points 7 to 32
 * @throws RangeError for another number of points, and what paretoRegions throws.
 */
export function paretoPoints(cMax: number, points: number, cMin = 1): number[] {
  if (!Number.isInteger(points) || points < FEWEST_POINTS || points > MOST_POINTS) {
    throw new RangeError(`a curve has ${FEWEST_POINTS} to ${MOST_POINTS} points, not ${points}`);
  }
  const { low, medium, high } = paretoRegions(cMax, cMin);
  const chosen = new Set([cMin, cMax]);
  for (const region of [low, medium, high]) {
    // One that holds none but can: the middle of it, in ratios.
    if (region.start > region.end || [...chosen].some((c) => c >= region.start && c <= region.end)) continue;
    chosen.add(Math.round(Math.sqrt(region.start * region.end)));
  }
  while (chosen.size < points) {
    const ordered = [...chosen].sort((a, b) => a - b);
    const gaps = ordered
      .slice(1)
      .map((above, i) => ({ below: ordered[i]!, above }))
      .filter(({ below, above }) => above - below > 1)
      .sort((a, b) => b.above / b.below - a.above / a.below);
    const widest = gaps[0];
    if (widest === undefined) break;
    const middle = Math.round(Math.sqrt(widest.below * widest.above));
    chosen.add(Math.min(widest.above - 1, Math.max(widest.below + 1, middle)));
  }
  return [...chosen].sort((a, b) => a - b);
}

/** @param tpotP90 seconds */
export function tpsPerUser(tpotP90: number | null): number | null {
  return tpotP90 === null || tpotP90 <= 0 ? null : 1 / tpotP90;
}

/** As Python's round(), which the definition uses. */
function halfToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
