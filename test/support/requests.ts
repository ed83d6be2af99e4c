import type { RequestRecord } from '../../core/serving/requests.js';

/** @returns a request that was never dispatched, but for what is given. */
export function request(fields: Partial<RequestRecord>): RequestRecord {
  return {
    index: 0,
    conversation: null,
    turn: 0,
    intended: 0,
    dispatched: null,
    headers: null,
    firstByte: null,
    firstToken: null,
    firstAnswer: null,
    lastToken: null,
    done: null,
    outcome: 'unfinished',
    problem: null,
    status: null,
    bytes: 0,
    promptTokens: 100,
    wantedTokens: null,
    outputTokens: null,
    reasoningTokens: 0,
    chunks: { seconds: [], tokens: [] },
    usage: null,
    ...fields,
  };
}

/** How a server answers: the first chunk after `ttft`, each token `tpot` after the one before. Seconds. */
export interface Answer {
  readonly index?: number;
  readonly intended: number;
  /** As intended unless given. */
  readonly dispatched?: number;
  readonly ttft: number;
  readonly tpot: number;
  /** Tokens of every chunk. */
  readonly chunks: readonly number[];
}

/** @returns a complete, streamed answer. */
export function answered(answer: Answer): RequestRecord {
  const { index = 0, intended, dispatched = intended, ttft, tpot, chunks } = answer;
  const seconds: number[] = [];
  for (const [i, tokens] of chunks.entries()) {
    seconds.push(i === 0 ? dispatched + ttft : seconds[i - 1]! + tokens * tpot);
  }
  const outputTokens = chunks.reduce((a, b) => a + b, 0);
  return request({
    index,
    intended,
    dispatched,
    headers: dispatched,
    firstByte: seconds[0]!,
    firstToken: seconds[0]!,
    firstAnswer: seconds[0]!,
    lastToken: seconds.at(-1)!,
    done: seconds.at(-1)!,
    outcome: 'complete',
    status: 200,
    wantedTokens: outputTokens,
    outputTokens,
    chunks: { seconds, tokens: chunks },
    usage: { promptTokens: 100, completionTokens: outputTokens },
  });
}
