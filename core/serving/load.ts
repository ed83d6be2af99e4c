import { median } from '../statistics/quantile.js';
import { latenciesOf } from './latencies.js';
import type { RequestRecord } from './requests.js';
import { requestsIn, type ServingWindow } from './summary.js';

/**
 * How full the steps of a server were, and what it computed meanwhile, as its requests tell: with continuous batching a server chooses which
 * requests share a step, and from outside it shows in which of them get their tokens at the same time.
 */
export interface ServedLoad {
  readonly window: ServingWindow;
  /** What tells how many sequences a step has: our requests, or the server's own count of those that run. */
  readonly batchFrom: 'requests' | 'server';
  /**
   * Sequences of a step as one of them sees it, ∫ n² dt / ∫ n dt over the window with n sequences in decode; 0 where none was. A stream
   * meets full steps more often than a clock does, and TPOT is what streams see.
   */
  readonly stepSequences: number;
  /** The mean over the time in which any decodes, ∫ n dt / ∫ [n > 0] dt: tokens over this are steps. */
  readonly meanSequences: number;
  /** Tokens of a sequence before the one that a step computes, prompt and answer so far: the mean over all in decode, at every moment. */
  readonly contextTokens: number;
  /** Other prompts that are read between two tokens of a sequence. */
  readonly promptsPerStep: number;
  /** Prompts that were read in the window, how long they are in the mean, and how many the server reads in one go. */
  readonly prompts: number;
  readonly promptTokens: number;
  readonly promptsAtOnce: number;
  /** Tokens that came out of decode steps in the window: the first of an answer comes out of its prompt. */
  readonly decodeTokens: number;
  /** (end − first chunk) over the tokens behind it, all requests of the window together: TPOT of a mean step. Seconds; null without any. */
  readonly tpotSeconds: number | null;
  /** Median of TTFT from dispatch. Seconds; null where nothing was streamed. */
  readonly ttftSeconds: number | null;
}

/**
 * @param running requests that the server says it works on in the mean, where others may ask it, too: they count where they are more than
 *   ours. null = all are ours, or it does not say.
 * @returns how full its steps were, or in one clause why that cannot be told.
 */
export function servedLoad(
  requests: readonly RequestRecord[],
  window: ServingWindow,
  running: number | null,
): ServedLoad | string {
  const counted = requests.filter(({ outputTokens }) => outputTokens !== null && outputTokens > 0);
  if (counted.length === 0) return 'no answer has tokens that anybody counted';
  const known = counted.flatMap((request) =>
    request.promptTokens === null ? [] : [{ ...request, promptTokens: request.promptTokens }],
  );
  if (known.length === 0) return 'nobody counted the tokens of the prompts';
  const streams = known.flatMap((request) => streamOf(request) ?? []);
  if (streams.length === 0 && running === null)
    return 'answers came whole, and the server does not say how many requests it works on';

  const batch = batchOf(streams, window);
  const said = running !== null && running > batch.mean ? Math.max(1, running) : null;
  const read = streams.length > 0 ? streams.filter(({ from }) => within(from, window)) : known;
  const tpotSeconds = meanTpot(requestsIn(known, window));
  const firsts = requestsIn(requests, window).flatMap((request) => latenciesOf(request).service.ttft ?? []);
  return {
    window,
    batchFrom: said === null ? 'requests' : 'server',
    stepSequences: said ?? batch.seen,
    meanSequences: said ?? batch.mean,
    contextTokens: streams.length > 0 ? batch.context : mean(known.map(halfway)),
    promptsPerStep: promptsPerStep(streams, window),
    prompts: read.length,
    promptTokens: mean((read.length > 0 ? read : known).map(({ promptTokens }) => promptTokens)),
    promptsAtOnce: atOnce(
      read.flatMap((one) => ('from' in one ? [one.from] : [])),
      tpotSeconds,
    ),
    decodeTokens:
      streams.length > 0
        ? sum(streams.map((stream) => tokensWithin(stream, window)))
        : sum(known.map(({ outputTokens }) => outputTokens! - 1)),
    tpotSeconds,
    ttftSeconds: firsts.length === 0 ? null : median(firsts),
  };
}

/** A request while it decodes. */
interface Stream {
  readonly from: number;
  readonly to: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** null for an answer without an end, or in one chunk. */
  readonly tpot: number | null;
  readonly chunks: RequestRecord['chunks'];
}

type Counted = RequestRecord & { readonly promptTokens: number };

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]) => (values.length === 0 ? 0 : sum(values) / values.length);
const within = (time: number, { fromSeconds, toSeconds }: ServingWindow) =>
  time >= fromSeconds && time <= toSeconds;
const halfway = ({ promptTokens, outputTokens }: Counted) => promptTokens + outputTokens! / 2;

function streamOf(request: Counted): Stream | null {
  const { firstToken, lastToken, promptTokens, outputTokens, chunks } = request;
  if (firstToken === null || lastToken === null || outputTokens === null) return null;
  return {
    from: firstToken,
    to: lastToken,
    promptTokens,
    outputTokens,
    chunks,
    tpot: latenciesOf(request).tpot,
  };
}

/** Integrals of the number of sequences in decode over a window, from the times at which it changes. */
function batchOf(
  streams: readonly Stream[],
  { fromSeconds, toSeconds }: ServingWindow,
): { readonly seen: number; readonly mean: number; readonly context: number } {
  const changes: (readonly [time: number, by: number])[] = [];
  let contexts = 0;
  for (const { from, to, promptTokens, outputTokens } of streams) {
    const [begin, end] = [Math.max(from, fromSeconds), Math.min(to, toSeconds)];
    if (begin >= end) continue;
    changes.push([begin, 1], [end, -1]);
    // Tokens come evenly, so that the middle of the time is the middle of its contexts.
    const share = ((begin + end) / 2 - from) / (to - from);
    contexts += (end - begin) * (promptTokens + share * outputTokens);
  }
  // Of changes at one time those that end come first; a stretch of no length adds nothing either way.
  changes.sort(([a], [b]) => a - b);
  let [n, since, busy, once, twice] = [0, 0, 0, 0, 0];
  for (const [time, by] of changes) {
    const seconds = time - since;
    if (n > 0) {
      busy += seconds;
      once += n * seconds;
      twice += n * n * seconds;
    }
    n += by;
    since = time;
  }
  return once === 0
    ? { seen: 0, mean: 0, context: 0 }
    : { seen: twice / once, mean: once / busy, context: contexts / once };
}

/**
 * Prompts whose first token came while a sequence decoded, over its gaps. One within a gap of its own first token came out of the same pass,
 * or of one that had begun before: it held up none of its tokens.
 */
function promptsPerStep(streams: readonly Stream[], window: ServingWindow): number {
  const firsts = Float64Array.from(streams.map(({ from }) => from)).sort();
  let [prompts, steps] = [0, 0];
  for (const { from, to, tpot, outputTokens, chunks } of streams) {
    if (tpot === null || !within(from, window)) continue;
    steps += outputTokens - chunks.tokens[0]!;
    prompts += Math.max(0, countTo(firsts, to) - countTo(firsts, from + tpot));
  }
  return steps === 0 ? 0 : prompts / steps;
}

/** @returns how many of ascending values are at most so large. */
function countTo(values: Float64Array, most: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= most) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** First tokens that come within a step came out of one pass. @returns how many prompts a pass reads, in the mean. */
function atOnce(firsts: readonly number[], tpotSeconds: number | null): number {
  if (firsts.length === 0 || tpotSeconds === null) return 1;
  let [passes, begun] = [0, Number.NEGATIVE_INFINITY];
  for (const time of Float64Array.from(firsts).sort()) {
    if (time - begun < tpotSeconds) continue;
    passes += 1;
    begun = time;
  }
  return firsts.length / passes;
}

/** Rule T-1 of docs/token_accounting.md of mlcommons/endpoints, over all requests together: longer answers have more steps. */
function meanTpot(requests: readonly RequestRecord[]): number | null {
  let [seconds, steps] = [0, 0];
  for (const request of requests) {
    if (latenciesOf(request).tpot === null) continue;
    seconds += request.done! - request.firstToken!;
    steps += request.outputTokens! - request.chunks.tokens[0]!;
  }
  return steps === 0 ? null : seconds / steps;
}

function tokensWithin({ chunks }: Stream, window: ServingWindow): number {
  return chunks.tokens.reduce(
    (all, tokens, i) => (within(chunks.seconds[i]!, window) ? all + tokens - (i === 0 ? 1 : 0) : all),
    0,
  );
}
