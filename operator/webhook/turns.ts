import { setImmediate } from 'node:timers/promises';
import { WireError } from '../../proto/errors.js';

/** Work that is done one after the other, with room between for whatever else this process does. */
export class Turns {
  readonly #most: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param most how many may wait, the one that is done among them. */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws WireError `unavailable` where too many wait; what the work throws. */
  async take<T>(work: () => T): Promise<T> {
    if (this.#waiting >= this.#most) throw new WireError('unavailable', 'Too many wait: ask again.');
    this.#waiting += 1;
    const turn = this.#last.then(() => setImmediate()).then(work);
    this.#last = turn.catch(() => undefined);
    return await turn.finally(() => {
      this.#waiting -= 1;
    });
  }
}
