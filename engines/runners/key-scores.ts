/** Keys of one head of one layer: a row of `width` numbers for each token of the cache. */
export interface HeadKeys {
  readonly keys: Float32Array;
  readonly width: number;
}

/** Adds what the keys of a head say for keeping each token. */
export type AddKeyScores = (head: HeadKeys, scores: Float64Array) => void;

/**
 * The smaller a key, the more attention its token gets (Devoto et al. 2024, arXiv 2406.11430, "L2 norm"): a
 * token scores −‖k‖, here in units of the head's mean norm, so that heads can be added.
 */
export function addNormScores({ keys, width }: HeadKeys, scores: Float64Array): void {
  const norms = normsOf(keys, width);
  const mean = norms.reduce((sum, norm) => sum + norm, 0) / norms.length;
  if (!(mean > 0)) return;
  for (let token = 0; token < norms.length; token++) scores[token]! -= norms[token]! / mean;
}

/**
 * Keys that differ from the others are worth keeping (KeyDiff, Park et al. 2025, arXiv 2504.15364, section
 * 3): a token scores −cos(k, μ), μ being the mean of the head's keys, each at length 1.
 */
export function addDifferenceScores({ keys, width }: HeadKeys, scores: Float64Array): void {
  const norms = normsOf(keys, width);
  const anchor = new Float64Array(width);
  for (let token = 0; token < norms.length; token++) {
    if (norms[token] === 0) continue;
    for (let i = 0; i < width; i++) anchor[i]! += keys[token * width + i]! / norms[token]!;
  }
  const length = Math.hypot(...anchor);
  if (length === 0) return;
  for (let token = 0; token < norms.length; token++) {
    if (norms[token] === 0) continue;
    let product = 0;
    for (let i = 0; i < width; i++) product += keys[token * width + i]! * anchor[i]!;
    scores[token]! -= product / (norms[token]! * length);
  }
}

function normsOf(keys: Float32Array, width: number): Float64Array {
  const norms = new Float64Array(keys.length / width);
  for (let token = 0; token < norms.length; token++) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += keys[token * width + i]! ** 2;
    norms[token] = Math.sqrt(squares);
  }
  return norms;
}
