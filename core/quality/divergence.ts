import { exponential } from './exponential.js';
import { logSumExp } from './likelihood.js';
import { type Estimate, Moments, type Perplexity, perplexityOf } from './perplexity.js';
import { type Distribution, distributionOf } from './tails.js';

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
function codeLogProbabilities(logits: Float32Array, logSum: number, into: Float32Array): void {
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

/**
 * A candidate against its base on the same predictions; the quantities of llama-perplexity --kl-divergence.
 */
export interface Divergence {
  readonly tokens: number;
  readonly base: Perplexity;
  readonly candidate: Perplexity;
  /** ln(PPL(candidate)/PPL(base)), paired token by token: far smaller an error than the two PPL have. */
  readonly logPerplexityRatio: Estimate;
  readonly perplexityRatio: Estimate;
  readonly perplexityDifference: Estimate;
  /** Correlation of the two models' mean losses; null where one does not vary. */
  readonly lossCorrelation: number | null;
  /** D(base ‖ candidate) in nats per token. */
  readonly kl: Estimate & { readonly distribution: Distribution };
  /** Probability of the text's token, candidate minus base, from −1 to 1. */
  readonly probabilityChange: Estimate & { readonly distribution: Distribution };
  readonly probabilityChangeRms: Estimate;
  /** Share of predictions whose most likely token is the same in both. */
  readonly sameTop: Estimate;
}

/**
 * `exact` compares the logits as they are; `llama` rounds the base first as llama-perplexity's base file
 * does (base-coding.ts), for numbers that are equal to that tool's.
 */
export type BasePrecision = 'exact' | 'llama';

/** llama-perplexity leaves base probabilities below e^−16 out of the sum. */
const LEAST_LOG_PROBABILITY = -16;

/**
 * Takes pairs of rows one at a time and keeps two numbers of each, so that memory does not grow with the
 * vocabulary.
 */
export class DivergenceSums {
  readonly #precision: BasePrecision;
  readonly #base = new Moments();
  readonly #candidate = new Moments();
  readonly #kl = new Moments();
  readonly #change = new Moments();
  readonly #squaredChange = new Moments();
  readonly #klValues: number[] = [];
  readonly #changeValues: number[] = [];
  #products = 0;
  #sameTop = 0;
  #coded = new Float32Array(0);

  constructor(precision: BasePrecision) {
    this.#precision = precision;
  }

  /** @param token what the text has next. Both rows are as wide as the vocabulary. */
  add(base: Float32Array, candidate: Float32Array, token: number): void {
    const baseSum = logSumExp(base);
    const candidateSum = logSumExp(candidate);
    const coded = this.#precision === 'llama';
    if (coded) {
      if (this.#coded.length !== base.length) this.#coded = new Float32Array(base.length);
      codeLogProbabilities(base, baseSum, this.#coded);
    }
    // Of the coded row the log-sum is already taken off.
    const row = coded ? this.#coded : base;
    const shift = coded ? 0 : baseSum;
    let kl = 0;
    let most = row[0]!;
    let baseTop = 0;
    let candidateMost = candidate[0]!;
    let candidateTop = 0;
    for (let i = 0; i < row.length; i++) {
      const own = row[i]!;
      const other = candidate[i]!;
      if (own > most) {
        most = own;
        baseTop = i;
      }
      if (other > candidateMost) {
        candidateMost = other;
        candidateTop = i;
      }
      const p = own - shift;
      if (p > LEAST_LOG_PROBABILITY) kl += exponential(p) * (p - other + candidateSum);
    }
    const baseLoss = shift - row[token]!;
    const candidateLoss = candidateSum - candidate[token]!;
    const change = Math.exp(-candidateLoss) - Math.exp(-baseLoss);
    this.#base.add(baseLoss);
    this.#candidate.add(candidateLoss);
    this.#products += baseLoss * candidateLoss;
    this.#kl.add(kl);
    this.#klValues.push(kl);
    this.#change.add(change);
    this.#changeValues.push(change);
    this.#squaredChange.add(change * change);
    if (baseTop === candidateTop) this.#sameTop += 1;
  }

  get count(): number {
    return this.#kl.count;
  }

  /** @returns mean KL divergence so far, for progress. */
  get meanKl(): number {
    return this.#kl.mean;
  }

  /** @returns everything; standard errors are null for fewer than two predictions. */
  result(): Divergence {
    const tokens = this.#kl.count;
    const base = perplexityOf(this.#base);
    const candidate = perplexityOf(this.#candidate);
    // Covariance of the two means, by the same formula as their variances.
    const covariance = (this.#products / tokens - this.#base.mean * this.#candidate.mean) / (tokens - 1);
    const baseError = base.meanLoss.standardError;
    const candidateError = candidate.meanLoss.standardError;
    const known = baseError !== null && candidateError !== null;
    const difference = (a: number, b: number, between: number) =>
      known ? Math.sqrt(Math.max(0, a * a + b * b - 2 * between)) : null;
    const logRatio: Estimate = {
      value: candidate.meanLoss.value - base.meanLoss.value,
      standardError: difference(baseError ?? 0, candidateError ?? 0, covariance),
    };
    const ratio = Math.exp(logRatio.value);
    const rms = Math.sqrt(this.#squaredChange.mean);
    const rmsError = this.#squaredChange.standardError;
    const same = this.#sameTop / tokens;
    return {
      tokens,
      base,
      candidate,
      logPerplexityRatio: logRatio,
      perplexityRatio: {
        value: ratio,
        standardError: logRatio.standardError === null ? null : ratio * logRatio.standardError,
      },
      perplexityDifference: {
        value: candidate.value - base.value,
        standardError: difference(
          base.standardError ?? 0,
          candidate.standardError ?? 0,
          base.value * candidate.value * covariance,
        ),
      },
      lossCorrelation:
        known && baseError > 0 && candidateError > 0 ? covariance / (baseError * candidateError) : null,
      kl: { ...this.#kl.estimate, distribution: distributionOf(this.#klValues) },
      probabilityChange: {
        ...this.#change.estimate,
        distribution: distributionOf(this.#changeValues),
      },
      probabilityChangeRms: {
        value: rms,
        standardError: rmsError === null ? null : rms === 0 ? 0 : (0.5 / rms) * rmsError,
      },
      sameTop: {
        value: same,
        standardError: tokens < 2 ? null : Math.sqrt((same * (1 - same)) / (tokens - 1)),
      },
    };
  }
}
