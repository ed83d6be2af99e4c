/**
 * What a load generator keeps of every request, raw. Times are seconds since the origin of the run, by the
 * monotonic clock that stamps phases; null = the request did not get that far.
 */
export interface RequestRecord {
  /** In the order of intended starts, from 0. */
  readonly index: number;
  /**
   * Requests of one conversation share this number and are sent one after the other; null = it belongs to
   * none.
   */
  readonly conversation: number | null;
  /** From 0. */
  readonly turn: number;
  /** The scheduled start; in a closed loop, the time at which its slot became free. */
  readonly intended: number;
  /** When it was handed to the socket. */
  readonly dispatched: number | null;
  /** The head of the answer. */
  readonly headers: number | null;
  /** The first byte of its body. */
  readonly firstByte: number | null;
  /** The first chunk that holds a token of any kind: answer, reasoning or tool call. */
  readonly firstToken: number | null;
  /** The first chunk that holds a token of the answer. */
  readonly firstAnswer: number | null;
  readonly lastToken: number | null;
  /** The end of the answer, or when it was given up. */
  readonly done: number | null;
  readonly outcome: RequestOutcome;
  /** One sentence if it did not end well. */
  readonly problem: string | null;
  /** Of HTTP. */
  readonly status: number | null;
  /** Of the body of the answer. */
  readonly bytes: number;
  /**
   * Counted by the client's tokenizer, including the chat template; null = there is no tokenizer, and the
   * server does not report it.
   */
  readonly promptTokens: number | null;
  /** The requested number of tokens; null = the model decides. */
  readonly wantedTokens: number | null;
  /** Of every kind. */
  readonly outputTokens: number | null;
  readonly reasoningTokens: number;
  /** Every chunk with tokens: its time, and their number. Empty if the answer was not streamed. */
  readonly chunks: { readonly seconds: readonly number[]; readonly tokens: readonly number[] };
  /** The LoRA adapter that it asked for; null or left out = none. */
  readonly lora?: string | null;
  /** The server's own counts, kept beside ours; where they replace ours, the record says so. */
  readonly usage: {
    readonly promptTokens: number | null;
    readonly completionTokens: number | null;
    /** Prompt tokens from its cache; left out = the server does not report them. */
    readonly cachedTokens?: number | undefined;
  } | null;
}

/**
 * How a request ended. `unfinished` was cut off by the end of the run; it counts in the denominator of
 * goodput like every other request without a complete answer.
 */
export const REQUEST_OUTCOMES = [
  'complete',
  'refused',
  'rejected',
  'server-error',
  'broken',
  'timed-out',
  'unfinished',
] as const;
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

/**
 * @returns the largest number of requests in flight at once, where a conversation counts as one from its
 *   first turn to the end of its last.
 */
export function mostInFlight(
  requests: readonly Pick<RequestRecord, 'index' | 'conversation' | 'dispatched' | 'done'>[],
): number {
  const spans = new Map<string, { from: number; to: number }>();
  for (const { index, conversation, dispatched, done } of requests) {
    if (dispatched === null) continue;
    const key = conversation === null ? `alone ${index}` : `${conversation}`;
    const to = done ?? Number.POSITIVE_INFINITY;
    const known = spans.get(key) ?? { from: dispatched, to };
    spans.set(key, { from: Math.min(known.from, dispatched), to: Math.max(known.to, to) });
  }
  const changes = [...spans.values()].flatMap(({ from, to }) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  // If one ends at the moment at which the next begins, they count as one at a time.
  changes.sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

/** When requests are meant to start. */
export type Arrival =
  /** A constant number is in flight: the next request starts when one ends. */
  | { readonly kind: 'closed'; readonly concurrency: number }
  /**
   * Starts do not depend on the server; their gaps have a Gamma distribution of this shape: 1 = Poisson,
   * Infinity = constant.
   */
  | { readonly kind: 'open'; readonly requestsPerSecond: number; readonly shape: number }
  /** Poisson with a rate that grows linearly over the load. */
  | {
      readonly kind: 'ramp';
      readonly fromPerSecond: number;
      readonly toPerSecond: number;
      readonly seconds: number;
    }
  /** All at once. */
  | { readonly kind: 'offline' }
  /** As the time stamps of a trace say. */
  | { readonly kind: 'trace' };
