import { bracketAt } from '../log-grid.js';
import { addedTimes, type CallsTime } from './calls-time.js';

/** Times over one size, looked up between nodes. */
export class Curve {
  readonly #nodes: readonly number[];
  readonly #times: readonly CallsTime[];

  /** @param nodes above 0, ascending, with a time each. */
  constructor(nodes: readonly number[], times: readonly CallsTime[]) {
    this.#nodes = nodes;
    this.#times = times;
  }

  /** Beyond the last node time grows with the size. */
  secondsAt(size: number): number {
    if (size <= 0) return 0;
    const { low, share } = bracketAt(this.#nodes, size);
    const before = this.#times[low]!.seconds;
    const between = share === 0 ? before : before + share * (this.#times[low + 1]!.seconds - before);
    return between * this.#growthAt(size);
  }

  timeAt(size: number): CallsTime {
    if (size <= 0) return addedTimes([]);
    const { low, share } = bracketAt(this.#nodes, size);
    const growth = this.#growthAt(size);
    return addedTimes([
      [growth * (1 - share), this.#times[low]!],
      ...(share === 0 ? [] : [[growth * share, this.#times[low + 1]!] as const]),
    ]);
  }

  /** How many times the last node it is. */
  #growthAt(size: number): number {
    return Math.max(1, size / this.#nodes.at(-1)!);
  }
}
