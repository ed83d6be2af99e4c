import { permute } from '../../statistics/permutation.js';

/** A piece of a text that runs through the model by itself. */
export interface CalibrationWindow {
  /** Index of its first token in the text. */
  readonly start: number;
  readonly length: number;
}

export interface WindowWish {
  /** Windows, at most. */
  readonly sequences: number;
  /** Tokens of each. */
  readonly tokens: number;
  /** null: side by side from the start of the text, as llama-imatrix cuts it. */
  readonly seed: number | null;
}

/**
 * Cuts a text into windows for calibration. With a seed they are a random choice, in random order: windows
 * side by side from a random place on, none of which overlap, so that no token counts twice and a short text
 * gives fewer of them. (The published code, A.6 of DSnoT, draws documents of a large collection and a crop of
 * each; here the text is one.)
 * @returns the windows, or one sentence why there are none.
 */
export function calibrationWindows(textTokens: number, wish: WindowWish): CalibrationWindow[] | string {
  const { tokens: length, seed } = wish;
  const room = Math.floor(textTokens / length);
  if (room === 0) return `the text has ${textTokens} tokens, and a calibration sequence needs ${length}`;
  const sequences = Math.min(wish.sequences, room);
  const starts = Array.from({ length: sequences }, (_, i) => i * length);
  if (seed === null) return starts.map((start) => ({ start, length }));
  const phase = permute(0, textTokens - room * length + 1, seed);
  return starts.map((_, i) => ({ start: phase + permute(i, room, seed) * length, length }));
}
