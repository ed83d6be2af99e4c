import type { RequestRecord } from '../core/serving/requests.js';
import { quantileOfSorted } from '../statistics/quantile.js';
import type { Requests } from './requests.js';
import type { Timeline } from './timeline.js';

/** What a simulation says. */
export interface BatchingRun {
  /** What was sent and what served it: clauses that stand beside every number. */
  readonly load: string;
  readonly server: string;
  /** Of each request when it came, started, had its first and last token, and what it found in the cache. */
  readonly requests: Requests;
  /** Of each replica, when steps ended. */
  readonly timelines: readonly Timeline[];
  readonly series: readonly LoadSample[];
  /** Over time, of all replicas together. */
  readonly means: Omit<LoadSample, 'seconds'>;
  /** Of requests that are never computed: why. */
  readonly refusals: ReadonlyMap<number, string>;
  readonly steps: number;
  /** The end of the last step. */
  readonly seconds: number;
  /** That replicas computed, together. */
  readonly busySeconds: number;
  /** A sentence where a bound ended it; null = all requests have ended. */
  readonly endedEarly: string | null;
}

/** All replicas together at one time. */
export interface LoadSample {
  readonly seconds: number;
  readonly waiting: number;
  readonly running: number;
  /** That running requests hold. */
  readonly cacheTokens: number;
}

const MOST_SAMPLES = 4096;

/** Queue, running requests and cache over time, in so many samples at most, however long it is. */
export class LoadSeries {
  #samples: LoadSample[] = [];
  #gap = 0;
  readonly #now = { seconds: 0, waiting: 0, running: 0, cacheTokens: 0 };
  readonly #sum = { waiting: 0, running: 0, cacheTokens: 0 };

  note(seconds: number, waiting: number, running: number, cacheTokens: number): void {
    const passed = Math.max(0, seconds - this.#now.seconds);
    this.#sum.waiting += passed * this.#now.waiting;
    this.#sum.running += passed * this.#now.running;
    this.#sum.cacheTokens += passed * this.#now.cacheTokens;
    this.#now.seconds += passed;
    this.#now.waiting = waiting;
    this.#now.running = running;
    this.#now.cacheTokens = cacheTokens;
    const last = this.#samples.at(-1);
    if (last !== undefined && seconds - last.seconds < this.#gap) return;
    this.#samples.push({ seconds, waiting, running, cacheTokens });
    if (this.#samples.length < MOST_SAMPLES) return;
    this.#samples = this.#samples.filter((_, place) => place % 2 === 0);
    this.#gap = (2 * (seconds - this.#samples[0]!.seconds)) / MOST_SAMPLES;
  }

  samples(): readonly LoadSample[] {
    return this.#samples;
  }

  means(): Omit<LoadSample, 'seconds'> {
    const { seconds } = this.#now;
    const meanOf = (sum: number) => (seconds === 0 ? 0 : sum / seconds);
    const { waiting, running, cacheTokens } = this.#sum;
    return { waiting: meanOf(waiting), running: meanOf(running), cacheTokens: meanOf(cacheTokens) };
  }
}

/** @returns when a request had each of its tokens, in seconds. */
export function tokenSecondsOf({ requests, timelines }: BatchingRun, request: number): number[] {
  const timeline = timelines[requests.server.at(request)];
  if (timeline === undefined) return [];
  const seconds: number[] = [];
  for (const { begun, begunAt, endsAt } of requests.stretchesOf(request)) {
    if (!Number.isNaN(begun)) seconds.push(begun);
    for (let step = begunAt + 1; step <= endsAt; step++) seconds.push(timeline.endOf(step));
  }
  return seconds;
}

/**
 * A simulated run as records of a measured one, so that the same code judges both. A record has the time of
 * every token: of a million requests ask `summaryOf`.
 */
export function recordsOf(run: BatchingRun): RequestRecord[] {
  return Array.from({ length: run.requests.count }, (_, index) => recordOf(run, index));
}

/**
 * The same without the times between the first token and the last, for what asks of latencies of whole
 * requests alone.
 */
export function briefRecordsOf(run: BatchingRun): RequestRecord[] {
  const { firstToken, answered, count } = run.requests;
  return Array.from({ length: count }, (_, index) => {
    const first = firstToken.at(index);
    const record = recordOf(run, index, Number.isNaN(first) ? [] : [first]);
    return { ...record, outputTokens: answered.at(index), lastToken: record.done };
  });
}

function recordOf(
  run: BatchingRun,
  index: number,
  tokens: number[] = tokenSecondsOf(run, index),
): RequestRecord {
  const { requests, refusals, endedEarly } = run;
  const known = (seconds: number) => (Number.isNaN(seconds) ? null : seconds);
  const [first, done] = [known(requests.firstToken.at(index)), known(requests.done.at(index))];
  const refusal = refusals.get(index) ?? null;
  const conversation = requests.conversation.at(index);
  return {
    index,
    conversation: conversation < 0 ? null : conversation,
    turn: requests.turn.at(index),
    intended: requests.intended.at(index),
    dispatched: requests.sent.at(index),
    headers: first,
    firstByte: first,
    firstToken: first,
    firstAnswer: first,
    lastToken: tokens.at(-1) ?? null,
    done,
    outcome: refusal !== null ? 'rejected' : done === null ? 'unfinished' : 'complete',
    problem: refusal === null ? (done === null ? endedEarly : null) : `The server refuses it: ${refusal}.`,
    status: refusal === null ? 200 : 400,
    bytes: 0,
    promptTokens: requests.promptTokens.at(index),
    wantedTokens: requests.outputTokens.at(index),
    outputTokens: tokens.length,
    reasoningTokens: 0,
    chunks: { seconds: tokens, tokens: tokens.map(() => 1) },
    usage: {
      promptTokens: requests.promptTokens.at(index),
      completionTokens: tokens.length,
      cachedTokens: requests.cachedTokens.at(index),
    },
  };
}

/** Of one latency, in seconds; NaN without a request that came to it. */
export interface LatencyDistribution {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What a run says over all its requests, without a record of each. */
export interface BatchingSummary {
  readonly requests: number;
  readonly complete: number;
  readonly refused: number;
  /** From when a request was sent. */
  readonly ttft: LatencyDistribution;
  /** From its first token, by each after it. */
  readonly tpot: LatencyDistribution;
  readonly endToEnd: LatencyDistribution;
  /** From when the engine had it to its first step. */
  readonly queue: LatencyDistribution;
  readonly outputTokensPerSecond: number;
  readonly requestsPerSecond: number;
  /** Share of prompt tokens that were in the cache. */
  readonly cachedShare: number;
  readonly preemptions: number;
}

/** @returns what its typed arrays say. */
export function summaryOf({ requests, refusals, seconds }: BatchingRun): BatchingSummary {
  const { count } = requests;
  const [ttft, tpot, endToEnd, queue] = [[], [], [], []].map(() => new Float64Array(count));
  const lengths = { ttft: 0, tpot: 0, endToEnd: 0, queue: 0 };
  let [output, prompt, cached, preemptions] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    preemptions += requests.preemptions.at(i);
    const [sent, first, done] = [requests.sent.at(i), requests.firstToken.at(i), requests.done.at(i)];
    const scheduled = requests.scheduled.at(i);
    if (!Number.isNaN(scheduled)) {
      queue![lengths.queue++] = scheduled - requests.arrived.at(i);
      prompt += requests.promptTokens.at(i);
      cached += requests.cachedTokens.at(i);
    }
    if (!Number.isNaN(first)) ttft![lengths.ttft++] = first - sent;
    if (Number.isNaN(done) || Number.isNaN(first)) continue;
    const tokens = requests.outputTokens.at(i);
    output += tokens;
    endToEnd![lengths.endToEnd++] = done - sent;
    if (tokens > 1) tpot![lengths.tpot++] = (done - first) / (tokens - 1);
  }
  const complete = lengths.endToEnd;
  return {
    requests: count,
    complete,
    refused: refusals.size,
    ttft: distribution(ttft!.subarray(0, lengths.ttft)),
    tpot: distribution(tpot!.subarray(0, lengths.tpot)),
    endToEnd: distribution(endToEnd!.subarray(0, lengths.endToEnd)),
    queue: distribution(queue!.subarray(0, lengths.queue)),
    outputTokensPerSecond: seconds === 0 ? 0 : output / seconds,
    requestsPerSecond: seconds === 0 ? 0 : complete / seconds,
    cachedShare: prompt === 0 ? 0 : cached / prompt,
    preemptions,
  };
}

function distribution(values: Float64Array): LatencyDistribution {
  values.sort();
  const quantileAt = (p: number) => quantileOfSorted(values, p);
  let sum = 0;
  for (const value of values) sum += value;
  const mean = values.length === 0 ? Number.NaN : sum / values.length;
  return {
    count: values.length,
    mean,
    p50: quantileAt(0.5),
    p90: quantileAt(0.9),
    p95: quantileAt(0.95),
    p99: quantileAt(0.99),
    max: quantileAt(1),
  };
}
