/**
 * Weighted fair shares of device time between namespaces (start-time fair queueing; Goyal, Vin and Cheng,
 * SIGCOMM 1996). Each has a virtual time, which its work moves on by its device-seconds over its weight; the
 * smallest is served next. One that comes back after a rest begins where the others are: it gets no share of
 * the time that it did not ask for, and nobody waits for that.
 *
 * The bound: from one block of a namespace i to its next, while it has work for the device, another one j is
 * given at most (wj / wi) · Li + Lj device-seconds, and before the first block of i at most Lj, where L is
 * the longest block and w the weight of each.
 */
export class Shares {
  readonly #times = new Map<string, number>();
  /** Of the block that was begun last. */
  #now = 0;

  /** @returns the namespaces, whose turn it is first; those whose turn it is at once as they came. */
  order(namespaces: readonly string[]): string[] {
    return [...namespaces].sort((a, b) => this.#shareOf(a) - this.#shareOf(b));
  }

  /** A block of so many device-seconds begins. */
  begin(namespace: string, seconds: number, weight: number): void {
    const start = this.#shareOf(namespace);
    this.#now = start;
    this.#times.set(namespace, start + seconds / weight);
  }

  /** What was begun took so many device-seconds more than was thought, or fewer (below 0). */
  correct(namespace: string, seconds: number, weight: number): void {
    const time = this.#times.get(namespace);
    if (time !== undefined) this.#times.set(namespace, time + seconds / weight);
  }

  #shareOf(namespace: string): number {
    return Math.max(this.#times.get(namespace) ?? 0, this.#now);
  }
}
