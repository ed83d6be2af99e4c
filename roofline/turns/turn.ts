import { BAND_90 } from '../step/calls-time.js';

/** Output of a service at one load, and how sure it is. */
export interface Yield {
  /** Of answers, of one device. */
  readonly tokensPerSecond: number;
  /** Standard deviation of ln(predicted / measured). */
  readonly spread: number;
}

/** One of two ways to serve the same requests. */
export interface Way {
  /** As tables say it: `fp8`, `tensor 4`. */
  readonly name: string;
  /** That fit at once, on all devices together. */
  readonly mostSequences: number;
  yieldOf(sequences: number): Yield;
}

/** How many times more one way yields than the other, with its band of 90 %. */
export interface Gain {
  readonly sequences: number;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** Where a gain becomes a loss, or a loss a gain. */
export interface Turn {
  /** null = no load at which it turns; every load looked at is on one side. */
  readonly sequences: number | null;
  /**
   * At least and at most; null = beyond the loads that were looked at. Where nothing turns, `low` is the load
   * at which it may.
   */
  readonly low: number | null;
  readonly high: number | null;
  /** What the smallest load has. */
  readonly begins: 'gain' | 'loss';
}

export interface Comparison {
  readonly way: string;
  readonly instead: string;
  readonly gains: readonly Gain[];
  readonly turn: Turn;
}

/**
 * Compares two ways at all loads that both have room for.
 * @param loads sequences at once, ascending; the last is as many as fit, where that is fewer.
 * @param ownSpread standard deviation of what tells of the way alone, as an acceptance does.
 */
export function compareWays(way: Way, instead: Way, loads: readonly number[], ownSpread = 0): Comparison {
  const most = Math.min(way.mostSequences, instead.mostSequences);
  const below = loads.filter((sequences) => sequences < most);
  const gains = (below.length < loads.length ? [...below, most] : below).map((sequences): Gain => {
    const [one, other] = [way.yieldOf(sequences), instead.yieldOf(sequences)];
    const ratio = one.tokensPerSecond / other.tokensPerSecond;
    // Both times are of the same tables: half of what these are off by is taken to be off in both.
    const spread = Math.hypot(Math.max(one.spread, other.spread), ownSpread);
    const width = Math.exp(BAND_90 * spread);
    return { sequences, ratio, low: ratio / width, high: ratio * width };
  });
  return { way: way.name, instead: instead.name, gains, turn: turnOf(gains) };
}

/** @param gains of ascending loads, at least one. */
export function turnOf(gains: readonly Gain[]): Turn {
  const crossingOf = (ratioOf: (gain: Gain) => number) =>
    crossing(gains.map((gain) => [gain.sequences, Math.log(ratioOf(gain))]));
  const middle = crossingOf(({ ratio }) => ratio);
  const ends = [crossingOf(({ low }) => low), crossingOf(({ high }) => high)];
  const known = ends.flatMap(({ sequences }) => (sequences === null ? [] : [sequences]));
  const isBeyond = (side: 'below' | 'above') =>
    ends.some(
      ({ sequences, begins }) => sequences === null && (begins !== middle.begins) === (side === 'below'),
    );
  if (middle.sequences === null)
    return { ...middle, low: known.length === 0 ? null : Math.min(...known), high: null };
  return {
    ...middle,
    low: isBeyond('below') ? null : Math.min(middle.sequences, ...known),
    high: isBeyond('above') ? null : Math.max(middle.sequences, ...known),
  };
}

type Point = readonly [sequences: number, logRatio: number];

/** The cut with the fewest loads on its wrong side: padding makes ratios jump a little. */
function crossing(points: readonly Point[]): Pick<Turn, 'sequences' | 'begins'> {
  const signs = points.map(([, logRatio]) => logRatio >= 0);
  let best = { wrong: Number.POSITIVE_INFINITY, cut: 0, gains: true };
  for (const gains of [true, false])
    for (let cut = points.length; cut > 0; cut--) {
      const wrong = signs.filter((sign, i) => (i < cut ? sign !== gains : sign === gains)).length;
      if (wrong < best.wrong) best = { wrong, cut, gains };
    }
  const begins = best.gains ? 'gain' : 'loss';
  if (best.cut === points.length) return { sequences: null, begins };
  const [from, to] = [points[best.cut - 1]!, points[best.cut]!];
  const share = from[1] === to[1] ? 0.5 : Math.min(1, Math.max(0, from[1] / (from[1] - to[1])));
  return { sequences: Math.round(from[0] * (to[0] / from[0]) ** share), begins };
}
