/**
 * A format whose weights have four bits each, and whose blocks along the inputs of a layer share a scale. All
 * three have the values of E2M1: ±0, 0.5, 1, 1.5, 2, 3, 4, 6.
 */
export interface FourBitFormat {
  readonly name: FourBitName;
  /** Weights that share a scale of one byte. */
  readonly blockWeights: number;
  /** What a scale is multiplied by; `one` where scales reach far enough by themselves. */
  readonly tensorScale: 'one' | 'of-greatest-weight';
}

/**
 * `mxfp4`: OCP Microscaling Formats 1.0, scales are powers of two. `nvfp4`: scales are E4M3, with one number
 * for the tensor beside them. `if4`: NVFP4 whose scales’ unused sign says that a block has integers instead,
 * -7 to 7, as far apart that 7 is 6 (arXiv 2603.28765).
 */
export const FOUR_BIT_NAMES = ['mxfp4', 'nvfp4', 'if4'] as const;
export type FourBitName = (typeof FOUR_BIT_NAMES)[number];

const FORMATS: Readonly<Record<FourBitName, FourBitFormat>> = {
  mxfp4: { name: 'mxfp4', blockWeights: 32, tensorScale: 'one' },
  nvfp4: { name: 'nvfp4', blockWeights: 16, tensorScale: 'of-greatest-weight' },
  if4: { name: 'if4', blockWeights: 16, tensorScale: 'of-greatest-weight' },
};

export function fourBitFormat(name: FourBitName): FourBitFormat {
  return FORMATS[name];
}

/** @returns bits of a weight with its share of the scale; the one number of a tensor is left out. */
export function fourBitBits(name: FourBitName): number {
  return 4 + 8 / FORMATS[name].blockWeights;
}

/** Greatest value of E2M1, and greatest scale of E4M3. */
const [GREATEST_VALUE, GREATEST_SCALE] = [6, 448];
/**
 * Greatest scale of the block with the greatest weight where scales are searched for: it leaves room for one
 * that is half as large again, by which that weight becomes 4 (arXiv 2512.02010).
 */
const SEARCHED_SCALE = 256;

/**
 * @param values weights of the tensor. @param search whether scales are searched for.
 * @returns what every scale is multiplied by, a number of single precision.
 */
export function tensorScaleOf(format: FourBitFormat, values: Float32Array, search: boolean): number {
  if (format.tensorScale === 'one') return 1;
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  if (most === 0) return 1;
  return Math.fround(most / (GREATEST_VALUE * (search ? SEARCHED_SCALE : GREATEST_SCALE)));
}
