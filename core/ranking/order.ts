/** Passages of one list at most: each is called by a letter. */
export const LETTERS = 26;

/** @returns A, B, C, … */
export const letterOf = (index: number): string => String.fromCharCode(65 + index);

/** Ranks of candidates that are put in order at once. */
export interface Slice {
  readonly from: number;
  /** Not in it. */
  readonly to: number;
}

/**
 * The windows of a list from bottom to top, each `step` further than the one before (Sun et al., "Is ChatGPT
 * Good at Search?", 2023). 100 candidates in windows of 20, moved by 10, are 9 windows.
 */
export function windowsFromBottom(length: number, window: number, step: number): Slice[] {
  const slices: Slice[] = [];
  for (let to = length; to > 0; to -= step) {
    const from = Math.max(0, to - window);
    slices.push({ from, to });
    if (from === 0) break;
  }
  return slices.filter(({ from, to }) => to - from > 1);
}

/** What was read of a generated order. */
export interface ReadOrder {
  /** Every index of the list once, best first. */
  readonly order: readonly number[];
  /** How many of them the answer names; the others follow in the order that they had. */
  readonly named: number;
}

/**
 * Reads `[B] > [A] > …`: what is not in the list and what comes again is dropped, what is missing follows in
 * its old order.
 */
export function readOrder(answer: string, length: number): ReadOrder {
  const named = new Set<number>();
  for (const [, letter = ''] of answer.matchAll(/(?<![\p{L}\p{N}])([A-Z])(?![\p{L}\p{N}])/gu)) {
    const index = letter.charCodeAt(0) - 65;
    if (index < length) named.add(index);
  }
  const rest = Array.from({ length }, (_, i) => i).filter((i) => !named.has(i));
  return { order: [...named, ...rest], named: named.size };
}

/** The full answer to a list: `[A] > [B] > …`, whose length a generated one has. */
export function fullAnswer(length: number): string {
  return Array.from({ length }, (_, i) => `[${letterOf(i)}]`).join(' > ');
}

/** @returns indices by score, the largest first, equal ones in the order that they had. */
export function byScore(scores: readonly number[]): number[] {
  return scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
}
