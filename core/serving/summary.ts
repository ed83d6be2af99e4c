import { quantileOfSorted } from '../../statistics/quantile.js';
import { selectQuantiles } from '../../statistics/select.js';
import { type FromStart, interTokenLatencies, type Latencies, latenciesOf } from './latencies.js';
import { percentileBound } from './percentile-bound.js';
import { REQUEST_OUTCOMES, type RequestOutcome, type RequestRecord } from './requests.js';

/**
 * What a run says, over the requests dispatched in a window. The same requests give throughput, over the time in which they were dispatched,
 * and latencies, over their whole lives: so what drains after the window slows neither (docs/steady-state-detection.md of
 * mlcommons/endpoints, §5.1). Times in seconds.
 */
export interface ServingSummary {
  readonly window: ServingWindow;
  readonly requests: number;
  readonly outcomes: Readonly<Record<RequestOutcome, number>>;
  readonly throughput: Throughput;
  readonly latencies: LatencySummaries;
  /** Tokens that were asked for against those that came, of complete answers. */
  readonly outputLength: Agreement;
  /** The same by the count of the server, where it tells one: a text of so many tokens may be cut into others when it is read again. */
  readonly serverLength: Agreement;
  /** Our counts against those of the server. */
  readonly usage: { readonly prompt: Agreement; readonly completion: Agreement };
  readonly chunks: ChunkSizes;
}

/** Requests belong to it that were dispatched (those never dispatched: meant to start) from one time to the other, both included. */
export interface ServingWindow {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** Of complete answers; null = a window of no length, or tokens that nobody counted. */
export interface Throughput {
  readonly requestsPerSecond: number | null;
  readonly outputTokensPerSecond: number | null;
  readonly promptTokensPerSecond: number | null;
  readonly outputTokensPerSecondPerDevice: number | null;
  /** 1 / TPOT p90, as MLPerf Endpoints says it. */
  readonly tokensPerSecondPerUser: number | null;
  /** Complete answers whose output tokens nobody counted. */
  readonly uncounted: number;
}

export interface LatencySummaries {
  readonly scheduled: FromStartSummaries;
  readonly service: FromStartSummaries;
  readonly tpot: LatencySummary;
  /** Inter-token latencies; see interTokenLatencies(). */
  readonly itlPerChunk: LatencySummary;
  readonly itlPerToken: LatencySummary;
  /** From when requests were meant to start until they were dispatched. */
  readonly dispatchDelay: LatencySummary;
}
type FromStartSummaries = Readonly<Record<keyof FromStart, LatencySummary>>;

export interface LatencySummary {
  /** Readings; requests that never came to it are not among them. */
  readonly count: number;
  /** null without a reading. */
  readonly mean: number | null;
  readonly p50: Percentile;
  readonly p90: Percentile;
  readonly p99: Percentile;
  readonly max: number | null;
}

export interface Percentile {
  /** Of the readings (type 7); null without one. */
  readonly value: number | null;
  /** Upper bound at 99 % confidence; see percentileBound(). */
  readonly upper: number | null;
  /** One sentence where there is no bound. */
  readonly reason: string | null;
}

/** Two counts of the same, over the requests that have both. */
export interface Agreement {
  readonly compared: number;
  readonly different: number;
  /** Sum of the second over sum of the first, less 1; null without a pair or with a sum of 0. */
  readonly relative: number | null;
}

export interface ChunkSizes {
  readonly chunks: number;
  readonly meanTokens: number | null;
  readonly mostTokens: number | null;
  /** Share of chunks with more than one token. */
  readonly several: number | null;
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

/** @param devices that the server has; null = not known */
export function summarizeServing(
  all: readonly RequestRecord[],
  window: ServingWindow,
  devices: number | null,
): ServingSummary {
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
    throughput: throughputOf(complete, window, devices, latencies.tpot.p90.value),
    latencies,
    outputLength: agreement(complete.map((request) => [request.wantedTokens, request.outputTokens])),
    serverLength: agreement(
      complete.map(({ wantedTokens, outputTokens, usage }) => [
        wantedTokens,
        usage?.completionTokens ?? outputTokens,
      ]),
    ),
    usage: {
      prompt: agreement(complete.map(({ promptTokens, usage }) => [promptTokens, usage?.promptTokens])),
      completion: agreement(
        complete.map(({ outputTokens, usage }) => [outputTokens, usage?.completionTokens]),
      ),
    },
    chunks: chunkSizes(requests),
  };
}

const startOf = ({ dispatched, intended }: RequestRecord) => dispatched ?? intended;

function throughputOf(
  complete: readonly RequestRecord[],
  { fromSeconds, toSeconds }: ServingWindow,
  devices: number | null,
  tpotP90: number | null,
): Throughput {
  const seconds = toSeconds - fromSeconds;
  const perSecond = (count: number | null) => (count === null || seconds <= 0 ? null : count / seconds);
  const total = (counts: readonly (number | null)[]) =>
    counts.reduce<number | null>((sum, n) => (sum === null || n === null ? null : sum + n), 0);
  const output = perSecond(total(complete.map(({ outputTokens }) => outputTokens)));
  return {
    requestsPerSecond: perSecond(complete.length),
    outputTokensPerSecond: output,
    promptTokensPerSecond: perSecond(total(complete.map(({ promptTokens }) => promptTokens))),
    outputTokensPerSecondPerDevice: output === null || devices === null ? null : output / devices,
    tokensPerSecondPerUser: tpotP90 === null || tpotP90 <= 0 ? null : 1 / tpotP90,
    uncounted: complete.filter(({ outputTokens }) => outputTokens === null).length,
  };
}

function latencySummaries(requests: readonly RequestRecord[]): LatencySummaries {
  const each = requests.map(latenciesOf);
  const of = (read: (latencies: Latencies) => number | null) =>
    summaryOf(Float64Array.from(each.map(read).filter((value) => value !== null)));
  const from = (start: 'scheduled' | 'service'): FromStartSummaries => ({
    ttft: of((latencies) => latencies[start].ttft),
    firstAnswer: of((latencies) => latencies[start].firstAnswer),
    e2e: of((latencies) => latencies[start].e2e),
  });
  const delays = requests.flatMap(({ dispatched, intended }) =>
    dispatched === null ? [] : [dispatched - intended],
  );
  const { perChunk, perToken } = interTokenLatencies(requests);
  const itlPerChunk = gapSummaryOf(perChunk);
  return {
    scheduled: from('scheduled'),
    service: from('service'),
    tpot: of(({ tpot }) => tpot),
    itlPerChunk,
    itlPerToken: perToken === perChunk ? itlPerChunk : gapSummaryOf(perToken),
    dispatchDelay: summaryOf(Float64Array.from(delays)),
  };
}

const DEPENDENT = 'gaps within one answer depend on each other: the bound is for readings that do not';
const SHARES = [0.5, 0.9, 0.99] as const;

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
  let [sum, max] = [0, -Infinity];
  // By index: millions of values, and an iterator asks of each whether there is one.
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    if (values[i]! > max) max = values[i]!;
  }
  const [count, [p50, p90, p99]] = [values.length, percentiles];
  return {
    count,
    mean: count === 0 ? null : sum / count,
    p50: p50!,
    p90: p90!,
    p99: p99!,
    max: count === 0 ? null : max,
  };
}

function agreement(pairs: readonly (readonly [number | null, number | null | undefined])[]): Agreement {
  let [compared, different, first, second] = [0, 0, 0, 0];
  for (const [a, b] of pairs) {
    if (a === null || b === null || b === undefined) continue;
    compared += 1;
    if (a !== b) different += 1;
    first += a;
    second += b;
  }
  return { compared, different, relative: first === 0 ? null : second / first - 1 };
}

function chunkSizes(requests: readonly RequestRecord[]): ChunkSizes {
  let [chunks, tokens, most, several] = [0, 0, 0, 0];
  for (const request of requests) {
    for (const n of request.chunks.tokens) {
      chunks += 1;
      tokens += n;
      most = Math.max(most, n);
      if (n > 1) several += 1;
    }
  }
  if (chunks === 0) return { chunks, meanTokens: null, mostTokens: null, several: null };
  return { chunks, meanTokens: tokens / chunks, mostTokens: most, several: several / chunks };
}
