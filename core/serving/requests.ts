/**
 * What a load generator keeps of every request, raw. Times are seconds since the origin of the run, by the
 * monotonic clock that stamps phases; null = it never came to that.
 */
export interface RequestRecord {
  /** In the order of intended starts, from 0. */
  readonly index: number;
  /** Requests of one conversation share it and are sent one after the other; null = it stands alone. */
  readonly conversation: number | null;
  /** From 0. */
  readonly turn: number;
  /** When the schedule wanted it to start: of a closed loop, when its slot became free. */
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
  /** One sentence where it did not end well. */
  readonly problem: string | null;
  /** Of HTTP. */
  readonly status: number | null;
  /** Of the body of the answer. */
  readonly bytes: number;
  /**
   * By the client's tokenizer, chat template included; null = no tokenizer is known, nor does the server
   * tell.
   */
  readonly promptTokens: number | null;
  /** The tokens that were asked for; null = as many as the model likes. */
  readonly wantedTokens: number | null;
  /** Of every kind. */
  readonly outputTokens: number | null;
  readonly reasoningTokens: number;
  /** Every chunk that held tokens: when it came, and how many. Empty for what was not streamed. */
  readonly chunks: { readonly seconds: readonly number[]; readonly tokens: readonly number[] };
  /** The LoRA adapter that it asked for; null or left out = none. */
  readonly lora?: string | null;
  /** What the server says it counted; kept beside our own count and never in its place without a word. */
  readonly usage: {
    readonly promptTokens: number | null;
    readonly completionTokens: number | null;
    /** Of the prompt, those that it had computed before; left out = it does not say. */
    readonly cachedTokens?: number | undefined;
  } | null;
}

/**
 * How a request ended. `unfinished` was cut off by the end of the run; it stands in the denominator of
 * goodput like every other that gave no whole answer.
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
 * @returns how many were under way at once, at most: requests that were sent, a conversation from its first
 *   turn to the end of its last as one.
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
  // Where one ends and the next begins at the same moment, it was one at a time.
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
  /** So many are always on their way: the next starts when one ends. */
  | { readonly kind: 'closed'; readonly concurrency: number }
  /**
   * Whatever the server does: gaps of a Gamma distribution of this shape; 1 = Poisson, Infinity = constant.
   */
  | { readonly kind: 'open'; readonly requestsPerSecond: number; readonly shape: number }
  /** Poisson, its rate growing evenly over the run. */
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
