import type { EmbedderInput } from './opened.js';

/** Tokens that a model wants around texts: before the first, behind each, and between two. */
export interface Frame {
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly between: readonly number[];
}

/**
 * Puts the tokens of a text, or of two, into a frame; what does not fit is cut from the end, of two from the
 * second one first.
 * @param longest tokens that there may be in all.
 */
export function framed(
  { begin, end, between }: Frame,
  longest: number,
  text: Int32Array,
  second: Int32Array | null,
): EmbedderInput {
  const around = begin.length + end.length + (second === null ? 0 : between.length + end.length);
  const room = Math.max(0, longest - around);
  const first = text.subarray(0, second === null ? room : Math.max(0, room - 1));
  const rest = second?.subarray(0, room - first.length) ?? null;
  const before = [...begin, ...first, ...end];
  const tokens = Int32Array.from(rest === null ? before : [...before, ...between, ...rest, ...end]);
  return {
    tokens,
    secondFrom: rest === null ? tokens.length : before.length + between.length,
    cut: first.length < text.length || (rest?.length ?? 0) < (second?.length ?? 0),
  };
}
