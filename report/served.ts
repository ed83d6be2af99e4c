import type { Options } from '../core/experiment/experiment.js';
import type { ResultRecord } from '../core/result/result.js';
import { type Latencies, latenciesOf } from '../core/serving/latencies.js';
import { requestsOf, type ServingRecord } from '../core/serving/record.js';
import type { RequestOutcome, RequestRecord } from '../core/serving/requests.js';
import { type Kept, keptBy, type Objective, objectivesOf } from '../core/serving/slo.js';
import { steadyStateOf } from '../core/serving/steady-state.js';
import { wholeRun } from '../core/serving/summary.js';
import { quantileOfSorted } from '../statistics/quantile.js';

/**
 * What is shown of one start of a server under load: a few kilobytes, however many requests there were. Times
 * in seconds of the run.
 */
export interface ServedView {
  readonly requests: number;
  readonly skippedTurns: number;
  readonly seconds: number;
  /**
   * Some of the requests, in the order of their intended starts: every failure first, and evenly of the
   * others.
   */
  readonly lines: readonly RequestLine[];
  readonly curves: readonly LatencyCurve[];
  readonly kept: readonly Kept[];
  readonly steady: SteadyView;
  readonly generator: Pick<ServingRecord['generator'], 'lag' | 'loopDelay'> & {
    /** Of one CPU. */
    readonly cpuShare: number | null;
    readonly problems: readonly string[];
  };
  /** By the adapter that requests asked for, in the order they first did; none where nobody asked for one. */
  readonly loras: readonly LoraView[];
  /** The most frequent first. */
  readonly failures: readonly FailureCount[];
}

/** A request on the time line; null = it never came to that. */
export type RequestLine = readonly [
  intended: number,
  dispatched: number | null,
  firstToken: number | null,
  done: number | null,
  outcome: RequestOutcome,
];

export interface LatencyCurve {
  readonly name: CurveName;
  readonly count: number;
  /** Latencies that `CURVE_SHARES` of the requests keep within. */
  readonly quantiles: readonly number[];
}

/** Dense where tails are. */
export const CURVE_SHARES: readonly number[] = [
  ...Array.from({ length: 50 }, (_, i) => i / 50),
  ...[0.99, 0.995, 0.999, 1],
];

const CURVES = {
  'TTFT, scheduled': { secondsOf: ({ scheduled }: Latencies) => scheduled.ttft, objective: 'ttft' },
  'TTFT, service': { secondsOf: ({ service }: Latencies) => service.ttft, objective: 'ttft' },
  TPOT: { secondsOf: ({ tpot }: Latencies) => tpot, objective: 'tpot' },
  'whole request, scheduled': { secondsOf: ({ scheduled }: Latencies) => scheduled.e2e, objective: 'e2e' },
  'whole request, service': { secondsOf: ({ service }: Latencies) => service.e2e, objective: 'e2e' },
} as const;
export type CurveName = keyof typeof CURVES;

/** @returns the objectives that are about the latency of a curve. */
export function objectivesOn(name: CurveName, kept: readonly Kept[]): Objective[] {
  return kept.map(({ objective }) => objective).filter(({ metric }) => metric === CURVES[name].objective);
}

export interface SteadyView {
  /** One sentence: where it is, or why there is none. */
  readonly text: string;
  readonly window: { readonly fromSeconds: number; readonly toSeconds: number } | null;
  /** Half of the run was taken for warm-up, and it was not over. */
  readonly capped: boolean;
}

export interface LoraView {
  /** null = the model as it is. */
  readonly name: string | null;
  readonly requests: number;
  readonly complete: number;
  /** Medians of the complete ones; null = none came in chunks. */
  readonly ttft: number | null;
  readonly tpot: number | null;
}

export interface FailureCount {
  readonly outcome: RequestOutcome;
  readonly problem: string;
  readonly count: number;
}

/** Failures of different words that are listed; a server that tells an id in each has as many as requests. */
const MOST_FAILURES = 12;

/**
 * @param most lines of the time line
 * @returns null for a trial that asked no server, or not a thing of it.
 */
export function servedView(trial: ResultRecord, most: number): ServedView | null {
  const { serving, experiment } = trial;
  if (serving === undefined) return null;
  const requests = requestsOf(serving.requests);
  const window = wholeRun(requests);
  if (window === null) return null;
  const { options } = experiment.workload;
  const { generator } = serving;
  return {
    requests: requests.length,
    skippedTurns: serving.skippedTurns,
    seconds: window.toSeconds,
    lines: linesOf(requests, most),
    curves: curvesOf(requests),
    kept: keptBy(requests, objectivesOf(options.slo) ?? []),
    steady: steadyView(requests, options),
    generator: {
      lag: generator.lag,
      loopDelay: generator.loopDelay,
      cpuShare: generator.seconds > 0 ? generator.cpuSeconds / generator.seconds : null,
      // As the row was judged.
      problems: trial.warnings.flatMap(({ code, message }) => (code === 'generator-late' ? [message] : [])),
    },
    loras: lorasOf(requests),
    failures: failuresOf(requests),
  };
}

function linesOf(requests: readonly RequestRecord[], most: number): RequestLine[] {
  const failed = evenlySpaced(
    requests.filter(({ outcome }) => outcome !== 'complete'),
    Math.ceil(most / 2),
  );
  const complete = evenlySpaced(
    requests.filter(({ outcome }) => outcome === 'complete'),
    most - failed.length,
  );
  return [...failed, ...complete]
    .sort((a, b) => a.index - b.index)
    .map(({ intended, dispatched, firstToken, done, outcome }) => [
      micro(intended),
      micro(dispatched),
      micro(firstToken),
      micro(done),
      outcome,
    ]);
}

/** @returns so many at most, the first and the last among them. */
function evenlySpaced<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!);
}

function micro<T extends number | null>(seconds: T): T {
  return (seconds === null ? null : Math.round(seconds * 1e6) / 1e6) as T;
}

function curvesOf(requests: readonly RequestRecord[]): LatencyCurve[] {
  const each = requests.map(latenciesOf);
  return (Object.keys(CURVES) as CurveName[]).flatMap((name) => {
    const values = Float64Array.from(
      each.map(CURVES[name].secondsOf).filter((value) => value !== null),
    ).sort();
    if (values.length === 0) return [];
    const quantiles = CURVE_SHARES.map((share) => Number(quantileOfSorted(values, share).toPrecision(6)));
    return [{ name, count: values.length, quantiles }];
  });
}

function steadyView(requests: readonly RequestRecord[], options: Options): SteadyView {
  const verdict = steadyStateOf(requests, options);
  const { capped } = verdict.warmUp;
  if (!verdict.found) return { text: `No steady state: ${verdict.reason}.`, window: null, capped };
  const { window, warmUp, skipped, superPassRequests: size } = verdict;
  const { fromSeconds, toSeconds } = window;
  const before = skipped > 0 ? `, after ${skipped} shorter ${skipped === 1 ? 'plateau' : 'plateaus'}` : '';
  const text = `Steady from ${fromSeconds.toFixed(1)} s to ${toSeconds.toFixed(1)} s (${window.requests} requests, super-passes of ${size}, ${warmUp.superPasses} of warm-up left out${before}).`;
  return { text, window: { fromSeconds, toSeconds }, capped };
}

function lorasOf(requests: readonly RequestRecord[]): LoraView[] {
  if (requests.every(({ lora }) => lora == null)) return [];
  const median = (values: readonly (number | null)[]) => {
    const sorted = Float64Array.from(values.filter((value) => value !== null)).sort();
    return sorted.length === 0 ? null : micro(quantileOfSorted(sorted, 0.5));
  };
  const names = new Set(requests.map(({ lora }) => lora ?? null));
  return [...names].map((name) => {
    const own = requests.filter(({ lora }) => (lora ?? null) === name);
    const complete = own.filter(({ outcome }) => outcome === 'complete').map(latenciesOf);
    return {
      name,
      requests: own.length,
      complete: complete.length,
      ttft: median(complete.map(({ service }) => service.ttft)),
      tpot: median(complete.map(({ tpot }) => tpot)),
    };
  });
}

function failuresOf(requests: readonly RequestRecord[]): FailureCount[] {
  const counts = new Map<string, FailureCount>();
  for (const { outcome, problem } of requests) {
    if (outcome === 'complete') continue;
    const said = problem ?? 'it gave no reason';
    const key = `${outcome} ${said}`;
    counts.set(key, { outcome, problem: said, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  const sorted = [...counts.values()].sort((a, b) => b.count - a.count);
  const rest = sorted.slice(MOST_FAILURES);
  if (rest.length === 0) return sorted;
  const others = rest.reduce((sum, { count }) => sum + count, 0);
  return [
    ...sorted.slice(0, MOST_FAILURES),
    { outcome: rest[0]!.outcome, problem: `and ${rest.length} other problems`, count: others },
  ];
}
