import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';

/**
 * @returns how far statistics of a layer are from others at most, by the lengths of their vectors: of R and V
 *   over the others' length, of S over the largest that it could be with their R.
 */
export function apart(found: ChannelStatistics, others: ChannelStatistics): number {
  const length = (values: Float32Array | Float64Array) => Math.hypot(...values);
  const differing = (part: 'squaresPerSequence' | 'sumPerSequence' | 'variance') =>
    length(Float64Array.from(found[part], (value, j) => value - others[part][j]!));
  const { squaresPerSequence, variance, tokens, sequences } = others;
  const largestSum = Math.sqrt(tokens / sequences) * length(squaresPerSequence.map(Math.sqrt));
  return Math.max(
    differing('squaresPerSequence') / length(squaresPerSequence),
    differing('variance') / length(variance),
    differing('sumPerSequence') / largestSum,
  );
}
