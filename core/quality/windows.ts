/**
 * Cutting a long text into the windows that a model sees at once. Published perplexities differ by how this
 * is done, so the scheme is part of the result.
 */
export const WINDOW_SCHEMES = ['llama', 'dsnot', 'strided'] as const;
export type WindowScheme = (typeof WINDOW_SCHEMES)[number];

export interface WindowRequest {
  readonly scheme: WindowScheme;
  /** Tokens in a window. */
  readonly context: number;
  /** `strided` alone: how far a window moves on, and how many of its last tokens are scored. */
  readonly stride: number | null;
  /** Windows from the start of the text, at most (llama-perplexity: --chunks); null = all. */
  readonly maxWindows?: number | null;
}

export interface Window {
  /** Index of its first token in the text. */
  readonly start: number;
  readonly length: number;
  /**
   * The first position (counted in the window) whose prediction of the token after it is scored; the last is
   * always the one before the window's end.
   */
  readonly firstScored: number;
  /** The first token is replaced by the begin-of-sequence token, for vocabularies that add one. */
  readonly beginsWithBos: boolean;
}

/**
 * - `llama`: llama-perplexity (llama.cpp tools/perplexity, `perplexity()`): windows side by side, each begun
 *   with BOS in place of its first token, the second half scored; less than two windows of text are refused.
 * - `dsnot`: the evaluation of DSnoT, Wanda and SparseGPT (their lib/eval.py): windows side by side, nothing
 *   replaced, everything but the first token scored. exp of the mean over windows of the mean loss, which is
 *   the mean over tokens since all windows are equally long.
 * - `strided`: llama-perplexity --ppl-stride (`perplexity_v2()`): windows overlap, and the last `stride`
 *   tokens of each are scored. That tool restores the first token before it could become BOS; so nothing is
 *   replaced here either.
 * A rest shorter than a window is left out by all three.
 * @returns the windows, or one sentence why there are none.
 */
export function windowsOf(tokens: number, request: WindowRequest): readonly Window[] | string {
  const windows = cut(tokens, request);
  return typeof windows === 'string' ? windows : windows.slice(0, request.maxWindows ?? undefined);
}

function cut(tokens: number, request: WindowRequest): readonly Window[] | string {
  const { scheme, context } = request;
  if (!Number.isInteger(context) || context < 4) {
    return `the context is ${context}; it has to be a whole number of at least 4 tokens`;
  }
  const least = scheme === 'llama' ? 2 * context : scheme === 'dsnot' ? context : context + 1;
  if (tokens < least) {
    return `the text has ${tokens} tokens, and ${scheme} windows of ${context} need at least ${least}`;
  }
  if (scheme === 'strided') return strided(tokens, context, request.stride ?? Math.floor(context / 2));
  const firstScored = scheme === 'llama' ? Math.floor(context / 2) : 0;
  return Array.from({ length: Math.floor(tokens / context) }, (_, i) => ({
    start: i * context,
    length: context,
    firstScored,
    beginsWithBos: scheme === 'llama',
  }));
}

function strided(tokens: number, context: number, stride: number): readonly Window[] | string {
  if (!Number.isInteger(stride) || stride < 1 || stride >= context) {
    return `the stride is ${stride}; it has to be a whole number from 1 to ${context - 1}`;
  }
  const count = Math.ceil((tokens - context) / stride);
  return Array.from({ length: count }, (_, i) => ({
    start: i * stride,
    length: context,
    firstScored: context - stride - 1,
    beginsWithBos: false,
  }));
}
