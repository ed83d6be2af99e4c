import type { ChannelStatistics } from './pruning/statistics.js';

/** What the inputs of one layer are like, in a few numbers. */
export interface ChannelSummary {
  readonly channels: number;
  /** Mean and largest over channels of R, the sum of squares of a sequence. */
  readonly meanSquares: number;
  readonly maxSquares: number;
  /** Standard deviation of R over channels, in means: 0 where all channels matter alike. */
  readonly coefficientOfVariation: number;
  /** Channels that no token ever activated: weights on them do nothing. */
  readonly deadChannels: number;
}

export function summarizeChannels({ squaresPerSequence }: ChannelStatistics): ChannelSummary {
  const channels = squaresPerSequence.length;
  const mean = squaresPerSequence.reduce((sum, r) => sum + r, 0) / channels;
  const variance = squaresPerSequence.reduce((sum, r) => sum + (r - mean) ** 2, 0) / channels;
  return {
    channels,
    meanSquares: mean,
    maxSquares: squaresPerSequence.reduce((most, r) => Math.max(most, r), 0),
    coefficientOfVariation: mean === 0 ? 0 : Math.sqrt(variance) / mean,
    deadChannels: squaresPerSequence.reduce((dead, r) => dead + (r === 0 ? 1 : 0), 0),
  };
}
