/** A clock that stands still for a while: what a server has still to do is put off by that. Seconds. */
export class StallingClock {
  readonly #at: number;
  readonly #length: number;

  constructor(at: number, length: number) {
    this.#at = at;
    this.#length = length;
  }

  /** @returns the server's time at a real one. */
  inside(real: number): number {
    return real <= this.#at ? real : Math.max(this.#at, real - this.#length);
  }

  /** @returns when it is so late for the server. */
  real(inside: number): number {
    return inside <= this.#at ? inside : inside + this.#length;
  }
}
