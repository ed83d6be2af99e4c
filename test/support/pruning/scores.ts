import { type Score, unknownScore } from '../../../core/techniques/pruning/scores.js';

/** Writes one score per column of a row, rounded to single precision as the published code computes them. */
export function scoreRow(score: Score, weights: Float32Array, scores: Float32Array): void {
  switch (score.kind) {
    case 'magnitude':
      for (let j = 0; j < weights.length; j++) scores[j] = Math.abs(weights[j]!);
      return;
    case 'scaled':
      for (let j = 0; j < weights.length; j++) scores[j] = Math.abs(weights[j]!) * score.factors[j]!;
      return;
    case 'sparsegpt':
      for (let j = 0; j < weights.length; j++) {
        const scaled = weights[j]! / score.diagonal[j]!;
        scores[j] = scaled * scaled;
      }
      return;
    default:
      throw unknownScore(score);
  }
}
