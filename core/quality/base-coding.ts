/**
 * How llama-perplexity writes a base model's log-probabilities to `--kl-divergence-base` files: 16 bits each,
 * linear between the largest and at most 16 nats below it (llama.cpp tools/perplexity, `log_softmax` with
 * `log_prob`). Its KL divergences carry this rounding, so a comparison with them has to carry it, too.
 */

/** Log-probabilities lower than this below the largest are all written as this. */
const RANGE_NATS = 16;
const LEVELS = 65535;

/**
 * Rounds a row of log-probabilities as a base file would.
 * @param logits the base model's row. @param into gets the log-probabilities that would be read back.
 */
export function codeLogProbabilities(logits: Float32Array, logSum: number, into: Float32Array): void {
  let top = Number.NEGATIVE_INFINITY;
  let bottom = Number.POSITIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i]!;
    if (value > top) top = value;
    if (value < bottom) bottom = value;
  }
  bottom = Math.max(bottom, top - RANGE_NATS);
  const scale = Math.fround((top - bottom) / LEVELS);
  const least = Math.fround(bottom - logSum);
  const perLevel = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i]!;
    // Rounded to the nearest, and faster than Math.round.
    const level = value > bottom ? (perLevel * (value - bottom) + 0.5) | 0 : 0;
    into[i] = scale * level + least;
  }
}
