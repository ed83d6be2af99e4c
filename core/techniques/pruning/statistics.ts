/**
 * What calibration says about the input channels of one linear layer. All arrays have one value per channel.
 */
export interface ChannelStatistics {
  /** R: sum over all tokens of x², divided by the number of sequences (not of tokens). */
  readonly squaresPerSequence: Float32Array;
  /** S: sum over all tokens of x, divided by the number of sequences. */
  readonly sumPerSequence: Float32Array;
  /** V: population variance of x inside each sequence, averaged over sequences by their tokens. */
  readonly variance: Float32Array;
  readonly sequences: number;
  readonly tokens: number;
}
