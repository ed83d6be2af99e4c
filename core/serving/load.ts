import { median } from '../../statistics/quantile.js';
import { latenciesOf } from './latencies.js';
import type { RequestRecord } from './requests.js';
import { requestsIn, type ServingWindow } from './summary.js';

/**
 * How full the steps of a server were, and what it computed, derived from its requests. With continuous
 * batching a server chooses which requests share a step; from outside this shows in which requests get tokens
 * at the same time. Tokens are those that the server computed, by its own count if it reports one, because
 * tokenizing a text again may give fewer.
 */
export interface ServedLoad {
  readonly window: ServingWindow;
  /**
   * The source of the number of sequences in a step: our requests, or the server's own count of running
   * requests.
   */
  readonly batchFrom: 'requests' | 'server';
  /**
   * Sequences of a step as a sequence sees it: the mean of n over all tokens from steps, where n is the
   * number of sequences that were decoding when the token came; 0 if none were. A sequence is in full steps
   * more often than a clock would find, and TPOT is measured by sequences.
   */
  readonly stepSequences: number;
  /**
   * The mean over steps: a token that came with n − 1 others counts as 1/n of a step, so the number of steps
   * is Σ 1/n over all tokens.
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
   * Prompts that were read in the window, their mean length, and how many the server reads in one pass.
   */
  readonly prompts: number;
  readonly promptTokens: number;
  readonly promptsAtOnce: number;
  /** Share of them that were read while others decoded. */
  readonly promptsBetween: number;
  /** Tokens from decode steps in the window; the first token of an answer comes from its prefill. */
  readonly decodeTokens: number;
  /**
   * (end − first chunk) divided by the tokens after it, over all requests of the window together: TPOT of a
   * mean step. Seconds; null without any.
   */
  readonly tpotSeconds: number | null;
  /** Median of TTFT from dispatch. Seconds; null if nothing was streamed. */
  readonly ttftSeconds: number | null;
}

/**
 * @param running mean number of running requests that the server reports, if others may use it; it is used if
 *   it is larger than our own number. null = all requests are ours, or the server does not report it.
 * @returns how full its steps were, or a clause about why that is unknown.
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

/** A request during decoding: after its first token, up to its last. */
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
/** Context of the middle step of an answer. */
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

/** The most tokens for which neighbours are counted; if there are more, an even sample is used. */
const MOST_TOKENS = 200_000;

/** Statistics of decode steps, from the tokens of a window. */
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
    // A loop by index, because an iterator would be slow over millions of tokens.
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
 * Prompts whose first token came while others were decoding: per gap of these, and as a share of all. A first
 * token within one gap of a sequence's own first token came from the same pass, or from one that had begun
 * earlier, so it did not delay the sequence.
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

/** @returns how many of the ascending values are at most `most`. */
const countTo = (values: Float64Array, most: number) => search(values, (value) => value <= most);
/** @returns how many of the ascending values are smaller than the limit. */
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
 * First tokens that come within the time of a step are from one pass.
 * @returns the mean number of prompts that a pass reads.
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
