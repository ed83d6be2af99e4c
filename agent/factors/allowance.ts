/** The time that benches may take: what does not fit into it is left out. */
export class Allowance {
  readonly #seconds: number;
  readonly #now: () => number;
  readonly #began: number;

  /**
   * @param seconds null = as long as it takes.
   * @param now monotonic seconds; a test gives its own.
   */
  constructor(seconds: number | null, now = () => performance.now() / 1000) {
    this.#seconds = seconds ?? Number.POSITIVE_INFINITY;
    this.#now = now;
    this.#began = now();
  }

  /**
   * Does one after the other until the next would end after this share of the time, if it takes as long as the last one did; the first is
   * always done.
   * @returns what they gave.
   */
  async within<T>(share: number, work: readonly (() => T | Promise<T>)[]): Promise<T[]> {
    const given: T[] = [];
    let last = 0;
    for (const next of work) {
      const begin = this.#now();
      if (given.length > 0 && begin - this.#began + last > share * this.#seconds) break;
      given.push(await next());
      last = this.#now() - begin;
    }
    return given;
  }
}
