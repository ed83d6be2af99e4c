/** Which queries meet which keys: all counts are of one sequence and one head. */
export interface Span {
  readonly newTokens: number;
  readonly cachedTokens: number;
  /** Tokens a query sees, itself included; null sees all. */
  readonly window: number | null;
}

export interface Masking {
  readonly causal: boolean;
  /** Pairs behind the mask are not computed. */
  readonly skips: boolean;
  /** Keys are rounded up to this many. */
  readonly padKeys: number;
}

/**
 * Query-key pairs that are computed. Where masked ones are skipped, query i of a pass sees min(cached + i,
 * window) keys: q c + q (q + 1) / 2 without a window. Otherwise it is the whole rectangle, padding included.
 */
export function pairs({ newTokens: q, cachedTokens: c, window }: Span, masking: Masking): number {
  if (!masking.skips) return q * keysInReach({ newTokens: q, cachedTokens: c, window }, masking);
  if (!masking.causal) return q * Math.min(c + q, window ?? Number.POSITIVE_INFINITY);
  if (window === null) return q * c + (q * (q + 1)) / 2;
  // Queries 1 to g still see everything before them.
  const growing = Math.min(q, Math.max(0, window - c));
  return growing * c + (growing * (growing + 1)) / 2 + (q - growing) * window;
}

/**
 * Pairs that are passed over once their mask is looked at: those of the keys, rounded up, that are not
 * computed.
 */
export function maskedPairs(span: Span, masking: Masking, maskKeys: number): number {
  if (!masking.skips || maskKeys === 1) return 0;
  const all = span.newTokens * keysInReach(span, { ...masking, padKeys: maskKeys });
  return Math.max(0, all - pairs(span, masking));
}

/**
 * Keys that some query of the pass may see: what a kernel is given. A cache with a window keeps that many
 * before the first.
 */
export function keysInReach({ newTokens, cachedTokens, window }: Span, { padKeys }: Masking): number {
  const before = window === null ? cachedTokens : Math.min(cachedTokens, window - 1);
  return Math.ceil((before + newTokens) / padKeys) * padKeys;
}

/**
 * Keys that are read when every block of queries reads what it may see anew (FlashAttention-2, arXiv
 * 2307.08691, algorithm 1): with a causal mask a block stops at its last query, with a window it begins at
 * its first query's oldest key.
 * @param queryBlock null = the pass reads every key once.
 */
export function keysRead(span: Span, masking: Masking, queryBlock: number | null): number {
  const { newTokens: q, cachedTokens: c, window } = span;
  const once = keysInReach(span, masking);
  if (queryBlock === null || queryBlock >= q) return once;
  const blocks = Math.ceil(q / queryBlock);
  if (!masking.skips || !masking.causal) return blocks * once;
  let read = 0;
  for (let block = 0; block < blocks; block++) {
    const last = c + Math.min((block + 1) * queryBlock, q);
    const first = window === null ? 0 : Math.max(0, c + block * queryBlock + 1 - window);
    read += last - first;
  }
  return read;
}
