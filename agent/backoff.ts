/**
 * Waits between attempts to reach the coordinator: doubling, with full jitter (Brooker, AWS Architecture
 * Blog 2015), so that a thousand agents do not come back in the same second.
 */
export class Backoff {
  readonly #firstSeconds: number;
  readonly #mostSeconds: number;
  readonly #random: () => number;
  #attempts = 0;

  constructor(firstSeconds: number, mostSeconds: number, random: () => number = Math.random) {
    this.#firstSeconds = firstSeconds;
    this.#mostSeconds = mostSeconds;
    this.#random = random;
  }

  /** @returns seconds to wait before the next attempt; never less than a quarter of the full step. */
  next(): number {
    const step = Math.min(this.#mostSeconds, this.#firstSeconds * 2 ** this.#attempts);
    this.#attempts += 1;
    return step * (0.25 + 0.75 * this.#random());
  }

  reset(): void {
    this.#attempts = 0;
  }
}
