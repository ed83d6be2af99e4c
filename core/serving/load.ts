import { median } from '../../statistics/quantile.js';
import { latenciesOf } from './latencies.js';
import type { RequestRecord } from './requests.js';
import { requestsIn, type ServingWindow } from './summary.js';

/**
 * How full the steps of a server were, and what it computed meanwhile, as its requests tell: with continuous
 * batching a server chooses which requests share a step, and from outside it shows in which of them get their
 * tokens at the same time. Tokens are those that the server computed, by its own count where it tells one: a
 * text may be cut into fewer when it is read again.
 */
export interface ServedLoad {
  readonly window: ServingWindow;
  /** What tells how many sequences a step has: our requests, or the server's own count of those that run. */
  readonly batchFrom: 'requests' | 'server';
  /**
   * Sequences of a step as one of them sees it: the mean of n over all tokens that came out of steps, n being
   * the sequences that decoded when a token came; 0 where none did. A sequence meets full steps more often
   * than a clock does, and TPOT is what sequences see.
   */
  readonly stepSequences: number;
  /**
   * The mean over steps: a token that came with n − 1 others is the n-th part of one, so that steps are Σ 1/n
   * over all tokens.
   */
  readonly meanSequences: number;
  /**
   * Tokens of a sequence before the one that a step reads, prompt and answer so far: the mean over the same
   * tokens.
   */
  readonly contextTokens: number;
  /** Other prompts that are read between two tokens of a sequence. */
  readonly promptsPerStep: number;
  /**
   * Prompts that were read in the window, how long they are in the mean, and how many the server reads in one
   * go.
   */
  readonly prompts: number;
  readonly promptTokens: number;
  readonly promptsAtOnce: number;
  /** Share of them that were read while others decoded. */
  readonly promptsBetween: number;
  /** Tokens that came out of steps in the window: the first of an answer comes out of its prompt. */
  readonly decodeTokens: number;
  /**
   * (end − first chunk) over the tokens behind it, all requests of the window together: TPOT of a mean step.
   * Seconds; null without any.
   */
  readonly tpotSeconds: number | null;
  /** Median of TTFT from dispatch. Seconds; null where nothing was streamed. */
  readonly ttftSeconds: number | null;
}

/**
 * @param running requests that the server says it works on in the mean, where others may ask it, too: they
 *   count where they are more than ours. null = all are ours, or it does not say.
 * @returns how full its steps were, or in one clause why that cannot be told.
 */
export function servedLoad(
  requests: readonly RequestRecord[],
  window: ServingWindow,
  running: number | null,
): ServedLoad | string {
  const counted = requests.flatMap((request) => computedBy(request) ?? []);
  if (counted.length === 0) return 'nobody counted the tokens of prompts and answers';
  const streams = counted.flatMap((request) => streamOf(request) ?? []);
  if (streams.length === 0 && running === null)
    return 'answers came whole, and the server does not say how many requests it works on';

  const steps = stepsOf(streams, window);
  const said = running !== null && running > steps.mean ? Math.max(1, running) : null;
  const begun = streams.filter(({ from }) => isInWindow(from, window));
  const read = streams.length > 0 ? begun : counted;
  const tpotSeconds = meanTpot(streams, window);
  const firsts = requestsIn(requests, window).flatMap((request) => latenciesOf(request).service.ttft ?? []);
  return {
    window,
    batchFrom: said === null ? 'requests' : 'server',
    stepSequences: said ?? steps.seen,
    meanSequences: said ?? steps.mean,
    contextTokens: streams.length > 0 ? steps.context : mean(counted.map(middleStepTokens)),
    ...betweenSteps(streams, window),
    prompts: read.length,
    promptTokens: mean((read.length > 0 ? read : counted).map(({ promptTokens }) => promptTokens)),
    promptsAtOnce: atOnce(
      begun.map(({ from }) => from),
      tpotSeconds,
    ),
    decodeTokens:
      streams.length > 0 ? steps.tokens : sum(counted.map(({ outputTokens }) => outputTokens - 1)),
    tpotSeconds,
    ttftSeconds: firsts.length === 0 ? null : median(firsts),
  };
}

interface Computed {
  readonly request: RequestRecord;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** A request while it decodes: behind its first token, up to its last. */
interface Stream extends Computed {
  readonly from: number;
  readonly to: number;
  /** Seconds of one of its steps; null for an answer without an end, or in one chunk. */
  readonly tpot: number | null;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]) => (values.length === 0 ? 0 : sum(values) / values.length);
const isInWindow = (time: number, { fromSeconds, toSeconds }: ServingWindow) =>
  time >= fromSeconds && time <= toSeconds;
/** Of the steps of an answer the middle one. */
const middleStepTokens = ({ promptTokens, outputTokens }: Computed) => promptTokens + outputTokens / 2 - 1;

function computedBy(request: RequestRecord): Computed | null {
  const promptTokens = request.usage?.promptTokens ?? request.promptTokens;
  const outputTokens = request.usage?.completionTokens ?? request.outputTokens;
  if (promptTokens === null || outputTokens === null || outputTokens < 1) return null;
  return { request, promptTokens, outputTokens };
}

function streamOf(computed: Computed): Stream | null {
  const { request, outputTokens } = computed;
  const { firstToken, lastToken, done, outcome, chunks } = request;
  const [first] = chunks.tokens;
  if (firstToken === null || lastToken === null || first === undefined) return null;
  const ended = outcome === 'complete' && done !== null && outputTokens > first;
  const tpot = ended ? (done - firstToken) / (outputTokens - first) : null;
  return { ...computed, from: firstToken, to: lastToken, tpot };
}

/** Most tokens whose neighbours are counted; of more, evenly many are. */
const MOST_TOKENS = 200_000;

/** What the tokens of a window that came out of steps tell of these. */
function stepsOf(
  streams: readonly Stream[],
  window: ServingWindow,
): { readonly tokens: number; readonly seen: number; readonly mean: number; readonly context: number } {
  const froms = ascending(streams.map(({ from }) => from));
  const tos = ascending(streams.map(({ to }) => to));
  const chunks = streams.reduce((all, { request }) => all + request.chunks.tokens.length, 0);
  const stride = Math.max(1, Math.ceil(chunks / MOST_TOKENS));
  let [at, tokens, looked, sequences, steps, contexts] = [0, 0, 0, 0, 0, 0];
  for (const { request, promptTokens, outputTokens } of streams) {
    const { seconds: times, tokens: own } = request.chunks;
    const scale = outputTokens / sum(own);
    let before = 0;
    // By index: of millions an iterator asks each whether there is one.
    for (let i = 0; i < own.length; i++) {
      const count = Math.max(0, own[i]! * scale - (i === 0 ? 1 : 0));
      const middle = promptTokens + before + (count - 1) / 2;
      before += count;
      const time = times[i]!;
      if (time < window.fromSeconds || time > window.toSeconds) continue;
      tokens += count;
      if (at++ % stride !== 0 || count === 0) continue;
      const n = Math.max(1, countBelow(froms, time) - countBelow(tos, time));
      looked += count;
      sequences += count * n;
      steps += count / n;
      contexts += count * middle;
    }
  }
  return looked === 0
    ? { tokens, seen: 0, mean: 0, context: 0 }
    : { tokens, seen: sequences / looked, mean: looked / steps, context: contexts / looked };
}

/**
 * Prompts whose first token came while others decoded: over the gaps of these, and as a share of all. One
 * within a gap of a sequence's own first token came out of the same pass, or of one that had begun before: it
 * held up none of its tokens.
 */
function betweenSteps(
  streams: readonly Stream[],
  window: ServingWindow,
): Pick<ServedLoad, 'promptsPerStep' | 'promptsBetween'> {
  const firsts = ascending(streams.map(({ from }) => from));
  const moving = streams.filter(({ from, to, tpot }) => tpot !== null && from + tpot < to);
  let [prompts, steps] = [0, 0];
  for (const { from, to, tpot, outputTokens, request } of streams) {
    if (tpot === null || !isInWindow(from, window)) continue;
    steps += outputTokens - request.chunks.tokens[0]!;
    prompts += Math.max(0, countTo(firsts, to) - countTo(firsts, from + tpot));
  }
  const starts = ascending(moving.map(({ from, tpot }) => from + tpot!));
  const ends = ascending(moving.map(({ to }) => to));
  const read = streams.filter(({ from }) => isInWindow(from, window));
  const between = read.filter(({ from }) => countBelow(starts, from) > countBelow(ends, from)).length;
  return {
    promptsPerStep: steps === 0 ? 0 : prompts / steps,
    promptsBetween: read.length === 0 ? 0 : between / read.length,
  };
}

const ascending = (values: readonly number[]) => Float64Array.from(values).sort();

/** @returns how many of ascending values are at most so large. */
const countTo = (values: Float64Array, most: number) => search(values, (value) => value <= most);
/** @returns how many of ascending values are smaller. */
const countBelow = (values: Float64Array, limit: number) => search(values, (value) => value < limit);

function search(values: Float64Array, isBefore: (value: number) => boolean): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(values[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * First tokens that come within a step came out of one pass.
 * @returns how many prompts a pass reads, in the mean.
 */
function atOnce(firsts: readonly number[], tpotSeconds: number | null): number {
  if (firsts.length === 0 || tpotSeconds === null) return 1;
  let [passes, begun] = [0, Number.NEGATIVE_INFINITY];
  for (const time of ascending(firsts)) {
    if (time - begun < tpotSeconds) continue;
    passes += 1;
    begun = time;
  }
  return firsts.length / passes;
}

/**
 * Rule T-1 of docs/token_accounting.md of mlcommons/endpoints, over all requests together: longer answers
 * have more steps.
 */
function meanTpot(streams: readonly Stream[], window: ServingWindow): number | null {
  let [seconds, steps] = [0, 0];
  for (const { request, from, tpot, outputTokens } of streams) {
    if (tpot === null || !isInWindow(request.dispatched ?? from, window)) continue;
    seconds += request.done! - from;
    steps += outputTokens - request.chunks.tokens[0]!;
  }
  return steps === 0 ? null : seconds / steps;
}
