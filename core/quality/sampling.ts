import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { mostLikely } from './likelihood.js';
import type { Sampling } from './tasks/asking.js';

/** Picks the next token from a row of logits. */
export type PickToken = (logits: Float32Array) => number;

/** @returns the seed of one answer: the same whatever was answered before it. */
export function answerSeed({ seed }: Sampling, item: number, sample: number): number {
  let mixed = seed | 0;
  for (const part of [item, sample]) {
    mixed = Math.imul(mixed ^ (part + 0x9e3779b9), 0x85ebca6b);
    mixed ^= mixed >>> 13;
  }
  return mixed >>> 0;
}

/**
 * Draws tokens in the order of transformers and vLLM: temperature, then the `topK` likeliest, then of those
 * the likeliest that together reach `topP`, then those at least `minP` as likely as the first.
 * @param sampling null = the likeliest, always.
 */
export function tokenPicker(sampling: Sampling | null, seed: number): PickToken {
  if (sampling === null || sampling.temperature === 0) return mostLikely;
  const { temperature } = sampling;
  const random = xoroshiro128plus(seed);
  let weights = new Float32Array(0);
  return (logits) => {
    if (weights.length !== logits.length) weights = new Float32Array(logits.length);
    const top = logits[mostLikely(logits)]!;
    for (let i = 0; i < logits.length; i++) weights[i] = Math.exp((logits[i]! - top) / temperature);
    const least = leastWeight(weights, sampling);
    let total = 0;
    for (const weight of weights) if (weight >= least) total += weight;
    let left = uniformFloat64(random) * total;
    let last = 0;
    for (let i = 0; i < weights.length; i++) {
      if (weights[i]! < least) continue;
      last = i;
      left -= weights[i]!;
      if (left < 0) return i;
    }
    return last;
  };
}

/** @returns the weight below which no token is drawn; tokens as likely as the last one stay. */
function leastWeight(weights: Float32Array, { topK, topP, minP }: Sampling): number {
  if (topK === undefined && topP === undefined) return minP ?? 0;
  const sorted = weights.slice().sort().reverse();
  const most = Math.min(topK ?? sorted.length, sorted.length);
  let least = sorted[most - 1]!;
  if (topP !== undefined) {
    let whole = 0;
    for (let i = 0; i < most; i++) whole += sorted[i]!;
    let reached = 0;
    for (let i = 0; i < most && reached < topP * whole; i++) {
      reached += sorted[i]!;
      least = sorted[i]!;
    }
  }
  return Math.max(least, minP ?? 0);
}
