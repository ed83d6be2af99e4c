import { growingFloats } from './growing.js';

/**
 * When the steps of a server that decoded ended: runs of equal ones, each with its first step and its time.
 */
export class Timeline {
  readonly #from = growingFloats();
  readonly #start = growingFloats();
  readonly #seconds = growingFloats();

  /**
   * @param from steps that had decoded before.
   * @param start of the first of them, in seconds.
   * @param seconds of each.
   */
  push(from: number, start: number, seconds: number): void {
    this.#from.push(from);
    this.#start.push(start);
    this.#seconds.push(seconds);
  }

  /** @returns the end of the step behind which so many have decoded. */
  endOf(steps: number): number {
    let [low, high] = [0, this.#from.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#from.at(middle) < steps) low = middle;
      else high = middle - 1;
    }
    return this.#start.at(low) + (steps - this.#from.at(low)) * this.#seconds.at(low);
  }
}
