import { exponential } from './exponential.js';

/**
 * Log-probabilities from rows of logits. Rows are as wide as the vocabulary, so these loops are the hot ones.
 */

/**
 * @returns ln Σ exp(logit) in nats, shifted by the largest so that nothing overflows; NaN if any logit is
 *   NaN.
 */
export function logSumExp(logits: Float32Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i]!;
    if (value > top) top = value;
  }
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += exponential(logits[i]! - top);
  return top + Math.log(sum);
}

/** @returns the natural logarithm of the softmax probability of one token. */
export function logProbability(logits: Float32Array, token: number): number {
  return logits[token]! - logSumExp(logits);
}

/** @returns the token with the largest logit; the first of equals, as greedy decoding does. */
export function mostLikely(logits: Float32Array): number {
  let best = 0;
  let largest = logits[0]!;
  for (let i = 1; i < logits.length; i++) {
    const logit = logits[i]!;
    if (logit > largest) {
      largest = logit;
      best = i;
    }
  }
  return best;
}

/** @returns the largest logit but that of `first`; -∞ where there is no other. */
export function secondLargest(logits: Float32Array, first: number): number {
  let second = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (i !== first && logits[i]! > second) second = logits[i]!;
  return second;
}
