/** A mean with what it may be off by. */
export interface Estimate {
  readonly value: number;
  /** One standard error; null where too few values say nothing about it. */
  readonly standardError: number | null;
}

export interface Perplexity extends Estimate {
  /** Predictions that were scored. */
  readonly tokens: number;
  /** Mean negative log-likelihood in nats per token: ln(perplexity). */
  readonly meanLoss: Estimate;
}

/** Sums of values and their squares: all that llama-perplexity's errors need, however long the text. */
export class Moments {
  count = 0;
  #sum = 0;
  #squares = 0;

  add(value: number): void {
    this.count += 1;
    this.#sum += value;
    this.#squares += value * value;
  }

  get mean(): number {
    return this.count === 0 ? Number.NaN : this.#sum / this.count;
  }

  /**
   * Standard error of the mean as llama-perplexity prints it: √((⟨x²⟩ − ⟨x⟩²)/(n − 1)), which is the sample
   * standard deviation over √n. Tokens of one text are not independent, so the true error is larger.
   */
  get standardError(): number | null {
    if (this.count < 2) return null;
    const variance = this.#squares / this.count - this.mean ** 2;
    return Math.sqrt(Math.max(0, variance) / (this.count - 1));
  }

  get estimate(): Estimate {
    return { value: this.mean, standardError: this.standardError };
  }
}

/**
 * @param losses negative log-likelihoods in nats.
 * @returns exp of the mean loss; its standard error by first-order propagation, PPL · σ(mean loss), as
 * llama-perplexity does ("Final estimate: PPL = x +/- y"). An infinite loss gives an infinite perplexity.
 */
export function perplexityOf(losses: Moments): Perplexity {
  const meanLoss = losses.estimate;
  const value = Math.exp(meanLoss.value);
  return {
    tokens: losses.count,
    meanLoss,
    value,
    standardError: meanLoss.standardError === null ? null : value * meanLoss.standardError,
  };
}
