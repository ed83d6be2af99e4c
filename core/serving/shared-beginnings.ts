/** A prompt as it was sent, and all the text that the server computed for it: the prompt with its answer. */
export interface ComputedText {
  readonly prompt: string;
  readonly computed: string;
}

/**
 * In a sorted list, a text has its longest common prefix with one of its neighbours. So all texts are sorted,
 * and then removed from the list in the reverse of the order in which they were sent; the neighbours of a
 * text are then texts that were sent before it. That takes about as long as the sorting.
 * @param texts in the order in which they were sent.
 * @returns for each prompt, how many characters of its beginning the server had already computed, for a
 *   prompt or an answer.
 */
export function sharedBeginnings(texts: readonly ComputedText[]): number[] {
  const sorted = [...texts.keys()].sort((a, b) => byCodeUnits(texts[a]!.computed, texts[b]!.computed));
  const before = new Map(sorted.map((text, i) => [text, sorted[i - 1] ?? null]));
  const after = new Map(sorted.map((text, i) => [text, sorted[i + 1] ?? null]));
  const shared = new Array<number>(texts.length).fill(0);
  for (let i = texts.length - 1; i > 0; i--) {
    const { prompt, computed } = texts[i]!;
    const [left, right] = [before.get(i)!, after.get(i)!];
    const common = (other: number | null) =>
      other === null ? 0 : commonLength(texts[other]!.computed, computed);
    shared[i] = Math.min(prompt.length, Math.max(common(left), common(right)));
    if (left !== null) after.set(left, right);
    if (right !== null) before.set(right, left);
  }
  return shared;
}

/** Orders texts as `commonLength` compares them. */
const byCodeUnits = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** @returns the number of characters in the common prefix of two texts. */
export function commonLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  return at;
}
