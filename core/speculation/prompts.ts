/** Multiples of it, less their whole part, lie far from each other, however many there are. */
const GOLDEN = 0.618_033_988_749_895;

/** How many prompts, of how many tokens, and how many of these all of them begin with. */
interface AskedPrompts {
  readonly parallel: number;
  readonly promptTokens: number;
  readonly sharedTokens: number;
}

/**
 * Cuts prompts out of a text. Where a prompt begins follows from its number alone, so that more sequences
 * have those of fewer among them.
 * @param text its tokens, without one that begins it.
 * @param beginToken goes before each prompt and counts as one of its tokens; null = none.
 * @returns a prompt of each sequence, or how many tokens the text would need.
 */
export function cutPrompts(
  text: Int32Array,
  beginToken: number | null,
  { promptTokens, sharedTokens, parallel }: AskedPrompts,
): Int32Array[] | number {
  const begin = beginToken === null ? [] : [beginToken];
  const sharedOfText = Math.max(0, sharedTokens - begin.length);
  const own = promptTokens - begin.length - sharedOfText;
  const places = text.length - sharedOfText - own;
  if (places < 0) return sharedOfText + own;
  return Array.from({ length: parallel }, (_, sequence) => {
    const start = sharedOfText + Math.floor(((sequence * GOLDEN) % 1) * places);
    return Int32Array.from([
      ...begin,
      ...text.subarray(0, sharedOfText),
      ...text.subarray(start, start + own),
    ]);
  });
}
