import type { RequestRecord } from './requests.js';

/**
 * Latencies of one request, in seconds. `scheduled` counts from the intended start, so that a server that
 * stalls, or a generator that is late, cannot hide the requests that it delayed (coordinated omission: Tene,
 * "How NOT to Measure Latency"); `service` counts from the dispatch. Both are kept, because their difference
 * is the time in the queue before the socket.
 */
export interface Latencies {
  readonly scheduled: FromStart;
  readonly service: FromStart;
  /**
   * Time per output token: (done − first chunk) / (output tokens − tokens of the first chunk), rule T-1 of
   * docs/token_accounting.md of mlcommons/endpoints. null = not streamed, not complete, or all tokens in one
   * chunk.
   */
  readonly tpot: number | null;
  /** The speed that its user sees: 1 / tpot, in tokens per second. */
  readonly tokensPerSecond: number | null;
}

/** Latencies from one of the two starts; null = it did not get that far. */
interface FromStart {
  /** Time to the first token, of whatever kind: TTFT. */
  readonly ttft: number | null;
  /** To the first token of the answer, after all reasoning. */
  readonly firstAnswer: number | null;
  /** To the end of a complete answer. */
  readonly e2e: number | null;
}

/** @returns the latencies of a request; those that it did not reach are null. */
export function latenciesOf(request: RequestRecord): Latencies {
  const tpot = tpotOf(request);
  return {
    scheduled: fromStart(request, request.intended),
    service: fromStart(request, request.dispatched),
    tpot,
    tokensPerSecond: tpot === null || tpot === 0 ? null : 1 / tpot,
  };
}

function fromStart(request: RequestRecord, start: number | null): FromStart {
  const secondsSinceStart = (time: number | null) => (start === null || time === null ? null : time - start);
  return {
    ttft: secondsSinceStart(request.firstToken),
    firstAnswer: secondsSinceStart(request.firstAnswer),
    e2e: secondsSinceStart(request.outcome === 'complete' ? request.done : null),
  };
}

function tpotOf({ outcome, done, firstToken, outputTokens, chunks }: RequestRecord): number | null {
  const first = chunks.tokens[0];
  if (outcome !== 'complete' || done === null || firstToken === null) return null;
  if (outputTokens === null || first === undefined || outputTokens <= first) return null;
  return (done - firstToken) / (outputTokens - first);
}

/** Gaps between chunks (ITL), in seconds, of all requests together. */
export interface InterTokenLatencies {
  /** From each chunk to the next. */
  readonly perChunk: Float64Array;
  /**
   * Each gap divided among the tokens of the chunk that ends it: a chunk of n tokens gives n latencies of an
   * n-th of the gap. It is the same array if every chunk is one token.
   */
  readonly perToken: Float64Array;
}

/**
 * @returns inter-token latencies, in two typed arrays because there may be millions; empty without a second
 *   chunk.
 */
export function interTokenLatencies(requests: readonly RequestRecord[]): InterTokenLatencies {
  let [gaps, tokens] = [0, 0];
  for (const { chunks } of requests) {
    for (let i = 1; i < chunks.tokens.length; i++) {
      gaps += 1;
      tokens += chunks.tokens[i]!;
    }
  }
  const perChunk = new Float64Array(gaps);
  const perToken = tokens === gaps ? perChunk : new Float64Array(tokens);
  let [gap, token] = [0, 0];
  for (const { chunks } of requests) {
    for (let i = 1; i < chunks.tokens.length; i++) {
      const seconds = chunks.seconds[i]! - chunks.seconds[i - 1]!;
      perChunk[gap++] = seconds;
      if (perToken === perChunk) continue;
      const n = chunks.tokens[i]!;
      perToken.fill(seconds / n, token, token + n);
      token += n;
    }
  }
  return { perChunk, perToken };
}
