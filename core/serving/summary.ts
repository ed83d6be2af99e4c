import { quantileOfSorted } from '../../statistics/quantile.js';
import { selectQuantiles } from '../../statistics/select.js';
import { interTokenLatencies, type Latencies, latenciesOf } from './latencies.js';
import { percentileBound } from './percentile-bound.js';
import { REQUEST_OUTCOMES, type RequestOutcome, type RequestRecord } from './requests.js';

/**
 * What a run says, over the requests dispatched in a window. The same requests give throughput, over the time
 * in which they were dispatched, and latencies, over their whole lives: so what drains after the window slows
 * neither (docs/steady-state-detection.md of mlcommons/endpoints, §5.1). Times in seconds.
 */
export interface ServingSummary {
  readonly window: ServingWindow;
  readonly requests: number;
  readonly outcomes: Readonly<Record<RequestOutcome, number>>;
  readonly throughput: Throughput;
  readonly latencies: LatencySummaries;
  /** Tokens that came over those that were asked for, of complete answers. */
  readonly outputLength: Excess;
  /**
   * The same by the count of the server, where it tells one: a text of so many tokens may be cut into others
   * when it is read again.
   */
  readonly serverLength: Excess;
  /** Counts of the server over ours. */
  readonly usage: { readonly prompt: Excess; readonly completion: Excess };
  /** Chunks with tokens. */
  readonly chunks: number;
}

/** One sum over another, less 1, of the requests that have both counts; null without one, or over 0. */
type Excess = number | null;

/**
 * Requests belong to it that were dispatched (those never dispatched: meant to start) from one time to the
 * other, both included.
 */
export interface ServingWindow {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** Of complete answers; null = a window of no length, or tokens that nobody counted. */
export interface Throughput {
  readonly requestsPerSecond: number | null;
  readonly outputTokensPerSecond: number | null;
  readonly promptTokensPerSecond: number | null;
  /** 1 / TPOT p90, as MLPerf Endpoints says it. */
  readonly tokensPerSecondPerUser: number | null;
}

export interface LatencySummaries {
  readonly scheduled: FromStartSummaries;
  readonly service: FromStartSummaries;
  readonly tpot: LatencySummary;
  /** Inter-token latencies; see interTokenLatencies(). */
  readonly itlPerChunk: LatencySummary;
  readonly itlPerToken: LatencySummary;
}
type FromStartSummaries = Readonly<Record<'ttft' | 'e2e', LatencySummary>>;

export interface LatencySummary {
  /** Readings; requests that never came to it are not among them. */
  readonly count: number;
  /** null without a reading. */
  readonly mean: number | null;
  readonly p50: Percentile;
  readonly p90: Percentile;
  readonly p95: Percentile;
  readonly p99: Percentile;
}

export interface Percentile {
  /** Of the readings (type 7); null without one. */
  readonly value: number | null;
  /** Upper bound at 99 % confidence; see percentileBound(). */
  readonly upper: number | null;
  /** One sentence where there is no bound. */
  readonly reason: string | null;
}

/** @returns the window that holds all requests; null without one. */
export function wholeRun(requests: readonly RequestRecord[]): ServingWindow | null {
  if (requests.length === 0) return null;
  let [from, to] = [Infinity, -Infinity];
  for (const request of requests) {
    from = Math.min(from, startOf(request));
    to = Math.max(to, request.done ?? startOf(request));
  }
  return { fromSeconds: from, toSeconds: to };
}

/** @returns the requests that belong to a window, as ServingWindow says. */
export function requestsIn(requests: readonly RequestRecord[], window: ServingWindow): RequestRecord[] {
  return requests.filter((request) => {
    const start = startOf(request);
    return start >= window.fromSeconds && start <= window.toSeconds;
  });
}

export function summarizeServing(all: readonly RequestRecord[], window: ServingWindow): ServingSummary {
  const requests = requestsIn(all, window);
  const complete = requests.filter(({ outcome }) => outcome === 'complete');
  const latencies = latencySummaries(requests);
  const outcomes = Object.fromEntries(REQUEST_OUTCOMES.map((outcome) => [outcome, 0])) as Record<
    RequestOutcome,
    number
  >;
  for (const { outcome } of requests) outcomes[outcome] += 1;
  return {
    window,
    requests: requests.length,
    outcomes,
    throughput: throughputOf(complete, window, latencies.tpot.p90.value),
    latencies,
    outputLength: excess(complete.map((request) => [request.wantedTokens, request.outputTokens])),
    serverLength: excess(
      complete.map(({ wantedTokens, outputTokens, usage }) => [
        wantedTokens,
        usage?.completionTokens ?? outputTokens,
      ]),
    ),
    usage: {
      prompt: excess(complete.map(({ promptTokens, usage }) => [promptTokens, usage?.promptTokens])),
      completion: excess(complete.map(({ outputTokens, usage }) => [outputTokens, usage?.completionTokens])),
    },
    chunks: requests.reduce((sum, request) => sum + request.chunks.tokens.length, 0),
  };
}

const startOf = ({ dispatched, intended }: RequestRecord) => dispatched ?? intended;

function throughputOf(
  complete: readonly RequestRecord[],
  { fromSeconds, toSeconds }: ServingWindow,
  tpotP90: number | null,
): Throughput {
  const seconds = toSeconds - fromSeconds;
  const perSecond = (count: number | null) => (count === null || seconds <= 0 ? null : count / seconds);
  const total = (counts: readonly (number | null)[]) =>
    counts.reduce<number | null>((sum, n) => (sum === null || n === null ? null : sum + n), 0);
  return {
    requestsPerSecond: perSecond(complete.length),
    outputTokensPerSecond: perSecond(total(complete.map(({ outputTokens }) => outputTokens))),
    promptTokensPerSecond: perSecond(total(complete.map(({ promptTokens }) => promptTokens))),
    tokensPerSecondPerUser: tpotP90 === null || tpotP90 <= 0 ? null : 1 / tpotP90,
  };
}

function latencySummaries(requests: readonly RequestRecord[]): LatencySummaries {
  const each = requests.map(latenciesOf);
  const summarize = (read: (latencies: Latencies) => number | null) =>
    summaryOf(Float64Array.from(each.map(read).filter((value) => value !== null)));
  const summariesFrom = (start: 'scheduled' | 'service'): FromStartSummaries => ({
    ttft: summarize((latencies) => latencies[start].ttft),
    e2e: summarize((latencies) => latencies[start].e2e),
  });
  const { perChunk, perToken } = interTokenLatencies(requests);
  const itlPerChunk = gapSummaryOf(perChunk);
  return {
    scheduled: summariesFrom('scheduled'),
    service: summariesFrom('service'),
    tpot: summarize(({ tpot }) => tpot),
    itlPerChunk,
    itlPerToken: perToken === perChunk ? itlPerChunk : gapSummaryOf(perToken),
  };
}

const DEPENDENT = 'gaps within one answer depend on each other: the bound is for readings that do not';
const SHARES = [0.5, 0.9, 0.95, 0.99] as const;

/** @param values are sorted in place */
function summaryOf(values: Float64Array): LatencySummary {
  values.sort();
  const percentiles = SHARES.map((share): Percentile => {
    const { upper, reason } = percentileBound(values, share);
    return { value: values.length === 0 ? null : quantileOfSorted(values, share), upper, reason };
  });
  return summary(values, percentiles);
}

/** Of gaps there are millions, and no bound. @param values are reordered */
function gapSummaryOf(values: Float64Array): LatencySummary {
  const percentiles = selectQuantiles(values, SHARES).map(
    (value): Percentile => ({ value: values.length === 0 ? null : value, upper: null, reason: DEPENDENT }),
  );
  return summary(values, percentiles);
}

function summary(values: Float64Array, percentiles: readonly Percentile[]): LatencySummary {
  let sum = 0;
  // By index: millions of values, and an iterator asks of each whether there is one.
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  const [count, [p50, p90, p95, p99]] = [values.length, percentiles];
  return { count, mean: count === 0 ? null : sum / count, p50: p50!, p90: p90!, p95: p95!, p99: p99! };
}

function excess(pairs: readonly (readonly [number | null, number | null | undefined])[]): Excess {
  let [first, second] = [0, 0];
  for (const [a, b] of pairs) {
    if (a === null || b === null || b === undefined) continue;
    first += a;
    second += b;
  }
  return first === 0 ? null : second / first - 1;
}
