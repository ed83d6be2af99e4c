/** How positions turn pairs of elements of a head. */
export interface Rotary {
  /** Elements of a head; all are turned. */
  readonly length: number;
  readonly base: number;
  /** What positions are multiplied by: below 1 where a context was stretched. */
  readonly scale: number;
  /** Llama 3.1 and later: each frequency is divided by its own. */
  readonly factors: readonly number[] | null;
  /** YaRN (arXiv 2309.00071): high frequencies are not stretched; null = all are. */
  readonly yarn: { readonly originalContext: number; readonly attention: number } | null;
}

/**
 * YaRN's own: turns over the original context above and below which a frequency is kept and stretched whole.
 */
const FAST = 32;
const SLOW = 1;

/**
 * Cosines and sines of all positions by pairs, [positions, length/2] each, as llama.cpp's ggml_rope computes
 * them: the angle of pair i at position p is p · base^(−2i/length).
 */
export function rotaryTables(rotary: Rotary, positions: number): { cos: Float32Array; sin: Float32Array } {
  const pairs = rotary.length / 2;
  const angles = Array.from({ length: pairs }, (_, pair) => angleOf(rotary, pair));
  const stretched = rotary.yarn === null ? 1 : (1 - 0.1 * Math.log(rotary.scale)) * rotary.yarn.attention;
  const cos = new Float32Array(positions * pairs);
  const sin = new Float32Array(positions * pairs);
  for (let position = 0; position < positions; position++) {
    for (const [pair, angle] of angles.entries()) {
      cos[position * pairs + pair] = stretched * Math.cos(position * angle);
      sin[position * pairs + pair] = stretched * Math.sin(position * angle);
    }
  }
  return { cos, sin };
}

/** @returns the angle between two positions, in radians. */
function angleOf({ length, base, scale, factors, yarn }: Rotary, pair: number): number {
  const angle = base ** ((-2 * pair) / length) / (factors?.[pair] ?? 1);
  if (yarn === null) return scale * angle;
  const pairOf = (turns: number) =>
    (length * Math.log(yarn.originalContext / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const low = Math.max(0, Math.floor(pairOf(FAST)));
  const high = Math.min(length - 1, Math.ceil(pairOf(SLOW)));
  const kept = 1 - Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
  return angle * (scale * (1 - kept) + kept);
}
