import { pettitt } from '../../statistics/change-point.js';
import type { Interval } from '../../statistics/interval.js';
import { tInterval } from '../../statistics/interval.js';
import { mser } from '../../statistics/mser.js';
import { median } from '../../statistics/quantile.js';
import { moments } from '../../statistics/summary.js';
import { fittedChange, mannKendallHamedRao } from '../../statistics/trend.js';
import type { RequestRecord } from './requests.js';
import { lowerPercentile, type SuperPass, superPasses, superPassRequests } from './super-passes.js';

/**
 * Is there a part of a run in which the server neither fills up, nor drifts, nor empties? The method of
 * MLPerf Endpoints: docs/steady-state-detection.md and steady_state_diagnostics.py of mlcommons/endpoints,
 * commit 40b78bf; where both differ (percentile of the second gate, percentile of the relaxation time), as
 * the code has it. The window is chosen by calm and length, and never by what is measured in it; that there
 * is none is an answer.
 */

/** Fewest super-passes of a plateau: below, no trend could be told. */
const FEWEST_PASSES = 4;
/**
 * Largest coefficient of variation of a gate over a plateau: the loosest of MLPerf's ensemble of 0.03, 0.05
 * and 0.08, one of which must hold.
 */
const LARGEST_COV = 0.08;
/** Smallest change from end to end that ends a plateau; a smaller one is within noise however sure it is. */
const SMALLEST_DRIFT = 0.05;
/** By how much a later plateau differs from the reported one, to be called a shift. */
const SMALLEST_SHIFT = 0.05;
const SIGNIFICANT = 0.05;
/**
 * Leading super-passes whose TPOT lies further than this from that of the second half are warm-up; half of
 * them at most.
 */
const WARM_UP_BAND = 0.05;
/** Half width of the 95 % interval of the mean that the duration must allow. */
const PRECISION = 0.05;
/** The queue forgets in so many times the 90th percentile of latency. */
const RELAXATION = 5;
/** Of MLPerf. */
const MINIMUM_SECONDS = 600;

/**
 * Percentiles of a super-pass that are watched. Those of TPOT must be steady; those of TTFT vary with prompts
 * and queue also where the server is.
 */
export const WATCHED = ['tpotP50', 'tpotP90', 'ttftP50', 'ttftP90'] as const;
export type Watched = (typeof WATCHED)[number];
const GATES = ['tpotP50', 'tpotP90'] as const satisfies readonly Watched[];

export type Direction = 'up' | 'down' | 'steady' | 'too-short';

/** A row of super-passes after warm-up; `end` is the first that is not in it. */
export interface Plateau {
  readonly start: number;
  readonly end: number;
  readonly requests: number;
  /** Its requests are those dispatched from here to there, both included. */
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly duration: RequiredDuration;
  /**
   * Mean TPOT of its requests in seconds, with the 95 % interval of the means of its super-passes (batch
   * means).
   */
  readonly tpot: { readonly mean: number; readonly interval: Interval | null };
}

/** How long a plateau must last to count: the longest of three. Seconds. */
export interface RequiredDuration {
  readonly seconds: number;
  readonly required: number;
  readonly because: 'precision' | 'relaxation' | 'minimum';
  readonly precision: number;
  readonly relaxation: number;
  readonly minimum: number;
}

/** A later plateau at another level of TPOT. */
export interface LevelShift {
  /** Super-passes before the change, warm-up not counted. */
  readonly before: number;
  /** Of the mean TPOT: 0.2 = a fifth slower than in the reported plateau. */
  readonly relativeChange: number;
  readonly p: number;
}

export interface WarmUp {
  /** Leading super-passes that are left out. */
  readonly superPasses: number;
  /**
   * Half of the run was left out, and the next would be, too. Warm-up is what is unlike the second half: a
   * calm first half before a change of level is taken for it.
   */
  readonly capped: boolean;
  /** How many the rule of White (MSER) would leave out of the medians of TPOT, for comparison. */
  readonly byMser: number;
}

interface Judged {
  readonly superPassRequests: number;
  readonly superPasses: number;
  readonly warmUp: WarmUp;
  readonly plateaus: readonly Plateau[];
  readonly shift: LevelShift | null;
  /** From the start of the window (without one: the end of warm-up) to the end of the run. */
  readonly trends: Readonly<Record<Watched, Direction>>;
}

export type SteadyState =
  | (Judged & {
      readonly found: true;
      readonly window: Plateau;
      /** Plateaus before it that were too short. */
      readonly skipped: number;
    })
  | (Judged & {
      readonly found: false;
      /** One sentence. */
      readonly reason: string;
      /** The longest of the plateaus that are too short; null = there is none. */
      readonly longest: Plateau | null;
    });

export interface SteadyStateOptions {
  /** How many requests make a super-pass; superPassRequests() proposes one. */
  readonly superPassRequests: number;
  /** What a plateau must last in any case; MINIMUM_SECONDS unless given. */
  readonly minimumSeconds?: number;
}

type Series = Readonly<Record<Watched, readonly (number | null)[]>>;

/**
 * The steady state of a run, in super-passes as large as its load asks for.
 * @param options of the workload.
 */
export function steadyStateOf(
  requests: readonly RequestRecord[],
  { arrival, concurrency }: Readonly<Record<string, unknown>>,
): SteadyState {
  const slots = arrival === 'closed' ? Number(concurrency) : null;
  return steadyState(requests, { superPassRequests: superPassRequests(requests.length, slots) });
}

/**
 * @param requests of a closed loop, or of an open one that is not offline: where all start at once, no start
 *   tells a window.
 * @returns the first plateau that lasts long enough, or why there is none.
 */
export function steadyState(requests: readonly RequestRecord[], options: SteadyStateOptions): SteadyState {
  const { superPassRequests, minimumSeconds = MINIMUM_SECONDS } = options;
  const all = superPasses(requests, superPassRequests);
  const medians = all.flatMap(({ tpot }) => lowerPercentile(tpot, 0.5) ?? []);
  const warmUp = { ...warmUpOf(medians), byMser: mser(medians) };
  const passes = all.slice(warmUp.superPasses);
  const series = seriesOf(passes);
  const plateaus = segments(series, passes.length).map(([start, end]) =>
    plateauOf(passes, start, end, minimumSeconds),
  );
  const long = plateaus.findIndex(({ duration }) => duration.seconds >= duration.required);
  const longest = plateaus.reduce<Plateau | null>(
    (most, one) => (most === null || one.duration.seconds > most.duration.seconds ? one : most),
    null,
  );
  const reference = long >= 0 ? long : longest === null ? -1 : plateaus.indexOf(longest);
  const judged: Judged = {
    superPassRequests,
    superPasses: all.length,
    warmUp,
    plateaus,
    shift: shiftAfter(passes, plateaus, reference),
    trends: trendsFrom(series, plateaus[reference]?.start ?? 0),
  };
  if (long >= 0) return { ...judged, found: true, window: plateaus[long]!, skipped: long };
  const reason =
    atOnce(requests) ??
    (longest === null ? whyNone(requests.length, all.length, series, options) : whyShort(plateaus, longest));
  return { ...judged, found: false, reason, longest };
}

const BECAUSE: Readonly<Record<RequiredDuration['because'], string>> = {
  precision: `for ± ${100 * PRECISION} % of TPOT`,
  relaxation: `${RELAXATION} times the 90th percentile of latency`,
  minimum: 'the minimum that was asked for',
};

/** Leading super-passes outside the band around the median of the second half; one at least. */
function warmUpOf(medians: readonly number[]): Omit<WarmUp, 'byMser'> {
  const half = Math.floor(medians.length / 2);
  if (medians.length < FEWEST_PASSES) return { superPasses: 1, capped: false };
  const level = median(medians.slice(half));
  const calm = medians.findIndex((value) => Math.abs(value / level - 1) <= WARM_UP_BAND);
  const capped = calm < 0 || calm > half;
  return { superPasses: capped ? half : Math.max(1, calm), capped };
}

function seriesOf(passes: readonly SuperPass[]): Series {
  return {
    tpotP50: passes.map(({ tpot }) => lowerPercentile(tpot, 0.5)),
    tpotP90: passes.map(({ tpot }) => lowerPercentile(tpot, 0.9)),
    ttftP50: passes.map(({ ttft }) => lowerPercentile(ttft, 0.5)),
    ttftP90: passes.map(({ ttft }) => lowerPercentile(ttft, 0.9)),
  };
}

/**
 * Plateaus, grown from the left: each reaches as far as its gates hold, the next begins behind it. Of a
 * plateau the longest window is the one whose mean is known best, which is what MSER asks for.
 */
function segments(series: Series, passes: number): (readonly [start: number, end: number])[] {
  const found: (readonly [number, number])[] = [];
  let start = 0;
  while (start + FEWEST_PASSES <= passes) {
    let end = start + FEWEST_PASSES;
    while (end <= passes && whyUnsteady(series, start, end) === null) end += 1;
    if (end === start + FEWEST_PASSES) {
      start += 1;
      continue;
    }
    found.push([start, end - 1]);
    start = end - 1;
  }
  return found;
}

/** @returns the first gate that does not hold over some super-passes, as words; null = all hold. */
function whyUnsteady(series: Series, start: number, end: number): string | null {
  for (const gate of GATES) {
    const values = series[gate].slice(start, end).filter((value) => value !== null);
    const name = GATE_NAMES[gate];
    if (values.length < end - start) return `a super-pass has no request with a ${name}`;
    const spread = covOf(values);
    if (spread > LARGEST_COV) {
      return `${name} varies by ${percent(spread)} (coefficient of variation; at most ${percent(LARGEST_COV)})`;
    }
    const drift = fittedChange(values) / median(values);
    if (Math.abs(drift) >= SMALLEST_DRIFT && directionOf(values) !== 'steady') {
      return `${name} drifts ${drift > 0 ? 'up' : 'down'} by ${percent(Math.abs(drift))}`;
    }
  }
  return null;
}

const GATE_NAMES = { tpotP50: 'median TPOT', tpotP90: '90th percentile of TPOT' } as const;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Standard deviation (n in the denominator, as there) over the mean. */
function covOf(values: readonly number[]): number {
  const { mean: centre, squares } = moments(values);
  return centre === 0 ? 0 : Math.sqrt(squares / values.length) / Math.abs(centre);
}

function directionOf(values: readonly number[]): Direction {
  const trend = mannKendallHamedRao(values);
  if (trend === null) return 'too-short';
  if (trend.s === 0 || trend.p >= SIGNIFICANT) return 'steady';
  return trend.s > 0 ? 'up' : 'down';
}

function trendsFrom(series: Series, start: number): Record<Watched, Direction> {
  const trendOf = (name: Watched) => directionOf(series[name].slice(start).filter((value) => value !== null));
  return {
    tpotP50: trendOf('tpotP50'),
    tpotP90: trendOf('tpotP90'),
    ttftP50: trendOf('ttftP50'),
    ttftP90: trendOf('ttftP90'),
  };
}

function plateauOf(passes: readonly SuperPass[], start: number, end: number, minimum: number): Plateau {
  const within = passes.slice(start, end);
  const [fromSeconds, toSeconds] = [within[0]!.firstDispatched, within.at(-1)!.lastDispatched];
  return {
    start,
    end,
    requests: within.reduce((sum, { requests }) => sum + requests, 0),
    fromSeconds,
    toSeconds,
    duration: durationOf(within, toSeconds - fromSeconds, minimum),
    tpot: { mean: meanTpot(within), interval: tInterval(within.map((pass) => meanTpot([pass]))) },
  };
}

/**
 * §5.5: precision k τ with k = (1.96 CoV / ε)² super-passes of median span τ, where that is more than a
 * plateau has anyway; relaxation 5 L_p90; the minimum.
 */
function durationOf(passes: readonly SuperPass[], seconds: number, minimum: number): RequiredDuration {
  const spread = covOf(passes.flatMap(({ tpot }) => lowerPercentile(tpot, 0.5) ?? []));
  const wanted = Math.ceil(((1.96 * spread) / PRECISION) ** 2);
  const spans = passes
    .map(({ firstDispatched, lastDispatched }) => lastDispatched - firstDispatched)
    .filter((span) => span > 0);
  const precision = wanted > FEWEST_PASSES && spans.length > 0 ? wanted * median(spans) : 0;
  const latencies = Float64Array.from(passes.flatMap(({ e2e }) => [...e2e])).sort();
  const relaxation = RELAXATION * (lowerPercentile(latencies, 0.9) ?? 0);
  const required = Math.max(precision, relaxation, minimum);
  const because = required === precision ? 'precision' : required === relaxation ? 'relaxation' : 'minimum';
  return { seconds, required, because, precision, relaxation, minimum };
}

function meanTpot(passes: readonly SuperPass[]): number {
  const [sum, count] = passes.reduce(
    ([total, n], { tpot }) => [total + tpot.reduce((a, b) => a + b, 0), n + tpot.length],
    [0, 0],
  );
  return count === 0 ? 0 : sum / count;
}

/**
 * The first plateau after the reported one whose level is another, where Pettitt's test finds a change in the
 * run, too.
 */
function shiftAfter(
  passes: readonly SuperPass[],
  plateaus: readonly Plateau[],
  reference: number,
): LevelShift | null {
  const base = plateaus[reference];
  if (base === undefined || plateaus.length <= reference + 1) return null;
  const change = pettitt(passes.map((pass) => meanTpot([pass])));
  if (change === null || change.p >= SIGNIFICANT) return null;
  for (const { tpot } of plateaus.slice(reference + 1)) {
    const relativeChange = tpot.mean / base.tpot.mean - 1;
    if (Math.abs(relativeChange) > SMALLEST_SHIFT)
      return { before: change.before, relativeChange, p: change.p };
  }
  return null;
}

/** Starts within this share of the run are as good as one. */
const AT_ONCE = 0.01;

function atOnce(requests: readonly RequestRecord[]): string | null {
  let [first, last, end] = [Infinity, -Infinity, -Infinity];
  for (const { dispatched, done } of requests) {
    if (dispatched === null) continue;
    first = Math.min(first, dispatched);
    last = Math.max(last, dispatched);
    end = Math.max(end, done ?? dispatched);
  }
  if (!(last - first < AT_ONCE * (end - first))) return null;
  return `all ${requests.length} requests start at once: a window of starts cannot tell when the server is steady`;
}

function whyShort(plateaus: readonly Plateau[], { duration }: Plateau): string {
  const which = plateaus.length === 1 ? 'its one plateau' : `the longest of its ${plateaus.length} plateaus`;
  return `${which} lasts ${duration.seconds.toFixed(1)} s, and ${duration.required.toFixed(1)} s are needed (${BECAUSE[duration.because]})`;
}

function whyNone(requests: number, passes: number, series: Series, options: SteadyStateOptions): string {
  const left = series.tpotP50.length;
  if (left < FEWEST_PASSES) {
    return `${requests} requests are ${passes} super-passes of ${options.superPassRequests}, ${left} of them after warm-up, and a plateau has ${FEWEST_PASSES} at least: run longer`;
  }
  if (series.tpotP50.every((value) => value === null)) {
    return 'no request has a TPOT: it takes complete, streamed answers whose tokens are counted';
  }
  const rest = whyUnsteady(series, 0, left) ?? 'no part of it is calm';
  return `no ${FEWEST_PASSES} super-passes in a row are steady; over the whole run after warm-up, ${rest}`;
}
