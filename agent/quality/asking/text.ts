import { readText } from '../../../artifacts/files/text.js';
import { failed } from '../../../core/errors.js';
import { DivergenceSums } from '../../../core/quality/divergence.js';
import { logProbability } from '../../../core/quality/likelihood.js';
import type { TextRequest } from '../../../core/quality/outcome.js';
import { Moments, perplexityOf } from '../../../core/quality/perplexity.js';
import { type Window, windowsOf } from '../../../core/quality/windows.js';
import type { TextModel } from '../../../engines/runners/opened.js';
import type { Watch } from '../watch.js';
import type { LanguageModel } from './language-model.js';

/** A text as the tokens of a model, and the windows in which they are scored. */
export interface CutText {
  readonly tokens: Int32Array;
  readonly windows: readonly Window[];
  /** Its beginning, to compare vocabularies by. */
  readonly sample: string;
}

/** @throws FailureError `impossible-combination` for a text that is no UTF-8 or too short. */
export function cutText(
  { text }: { readonly text: Pick<TextModel, 'tokenize'> },
  { path, windows: request }: TextRequest,
): CutText {
  const content = readText(path);
  const tokens = text.tokenize(content, true);
  const windows = windowsOf(tokens.length, request);
  if (typeof windows !== 'string') return { tokens, windows, sample: content.slice(0, 4000) };
  const hint = 'Give a longer text, or a smaller context.';
  throw failed('impossible-combination', `${path}: ${windows}`, hint);
}

/** Rows of the base that wait for the candidate's take at most this much memory. */
const KEPT_BYTES = 128 * 2 ** 20;

/** @returns the perplexity of a text, cut into windows. */
export async function measurePerplexity(
  model: LanguageModel,
  tokens: Int32Array,
  windows: readonly Window[],
  watch: Watch,
): Promise<ReturnType<typeof perplexityOf>> {
  const losses = new Moments();
  for (const [i, window] of windows.entries()) {
    const input = inputOf(model.text, tokens, window);
    model.reset(0);
    model.text.evaluate(input, window.firstScored, (at, logits) => {
      // Of the last token the text's next one belongs to the next window.
      if (at < window.length - 1) losses.add(-logProbability(logits, tokens[window.start + at + 1]!));
    });
    watch.progress({ what: 'text', done: i + 1, total: windows.length, value: Math.exp(losses.mean) });
    await watch.checkStop();
  }
  return perplexityOf(losses);
}

/** A text, cut into windows, and how exactly the base's rows are compared. */
interface Compared {
  readonly tokens: Int32Array;
  readonly windows: readonly Window[];
  readonly precision: TextRequest['basePrecision'];
}

/**
 * Runs base and candidate side by side over the same windows, a piece of each at a time, so that no logits
 * have to be stored.
 * @param look sees every pair of rows; they are only valid until it returns.
 */
export async function measureDivergence(
  base: LanguageModel,
  candidate: LanguageModel,
  { tokens, windows, precision }: Compared,
  watch: Watch,
  look: (base: Float32Array, candidate: Float32Array) => void = () => {},
): Promise<ReturnType<DivergenceSums['result']>> {
  const width = candidate.facts.vocabularySize;
  const rows = Math.max(1, Math.floor(KEPT_BYTES / (width * 4)));
  const longest = Math.max(...windows.map(({ length }) => length));
  const baseLogits = new Float32Array(Math.min(rows, longest) * width);
  const sums = new DivergenceSums(precision);
  for (const [i, window] of windows.entries()) {
    const input = inputOf(candidate.text, tokens, window);
    base.reset(0);
    candidate.reset(0);
    for (let start = 0; start < window.length; ) {
      const silent = Math.max(0, window.firstScored - start);
      const piece = input.subarray(start, start + silent + rows);
      const end = start + piece.length;
      base.text.evaluate(piece, silent, (at, logits) => baseLogits.set(logits, (at - silent) * width));
      candidate.text.evaluate(piece, silent, (at, logits) => {
        const next = start + at + 1;
        if (next >= window.length) return;
        const row = baseLogits.subarray((at - silent) * width, (at - silent + 1) * width);
        sums.add(row, logits, tokens[window.start + next]!);
        look(row, logits);
      });
      start = end;
    }
    watch.progress({ what: 'text', done: i + 1, total: windows.length, value: sums.meanKl });
    await watch.checkStop();
  }
  return sums.result();
}

/** @returns a window's tokens as the model gets them. */
export function inputOf(
  { beginToken }: Pick<TextModel, 'beginToken'>,
  tokens: Int32Array,
  window: Window,
): Int32Array {
  const input = tokens.slice(window.start, window.start + window.length);
  if (window.beginsWithBos && beginToken !== null) input[0] = beginToken;
  return input;
}
