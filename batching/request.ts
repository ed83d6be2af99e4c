/** Text that prompts begin with: equal numbers are equal text. */
export interface Passage {
  readonly id: number;
  readonly tokens: number;
}

/** A request as a scheduler sees it: tokens are counted, and what they say does not matter. */
export interface TokenRequest {
  /** Of the whole prompt as the server reads it, earlier turns and their answers included. */
  readonly promptTokens: number;
  readonly outputTokens: number;
  /**
   * What the prompt consists of from its beginning, for prefix caches. It may end before the prompt does: the
   * rest is like no other. Empty = it begins like no other.
   */
  readonly beginning: readonly Passage[];
  /** The passage that its answer is to later prompts; null = none begins with it. */
  readonly answerId: number | null;
  /** Number of its conversation, whose turns follow one another in the list; null = it belongs to none. */
  readonly conversation: number | null;
  /** From 0. */
  readonly turn: number;
  /** From the end of the turn before to the start of this one. */
  readonly thinkSeconds: number;
  /** Since the start of the trace; null = there is none. */
  readonly atSeconds: number | null;
}

/** @returns a request that stands alone, begins like no other and has no time of its own. */
export function aloneRequest(promptTokens: number, outputTokens: number): TokenRequest {
  return {
    promptTokens,
    outputTokens,
    beginning: [],
    answerId: null,
    conversation: null,
    turn: 0,
    thinkSeconds: 0,
    atSeconds: null,
  };
}
