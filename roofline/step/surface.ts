import { bracketAt } from '../log-grid.js';
import { addedTimes, type CallsTime } from './calls-time.js';

/**
 * Times over two sizes, computed at a node when it is first asked for, and between nodes interpolated in
 * logarithms: a time that grows with a power of a size is exact.
 */
export class Surface {
  readonly #x: readonly number[];
  readonly #y: readonly number[];
  readonly #logarithms: Float64Array;
  readonly #times: (CallsTime | undefined)[] = [];
  readonly #timeAt: (x: number, y: number) => CallsTime;

  /** @param timeAt the time at two nodes. */
  constructor(x: readonly number[], y: readonly number[], timeAt: (x: number, y: number) => CallsTime) {
    this.#x = x;
    this.#y = y;
    this.#timeAt = timeAt;
    this.#logarithms = new Float64Array(x.length * y.length).fill(Number.NaN);
  }

  secondsAt(x: number, y: number): number {
    const u = bracketAt(this.#x, x);
    const v = bracketAt(this.#y, y);
    let sum = (1 - u.share) * (1 - v.share) * this.#logarithm(u.low, v.low);
    if (u.share > 0) sum += u.share * (1 - v.share) * this.#logarithm(u.low + 1, v.low);
    if (v.share > 0) sum += (1 - u.share) * v.share * this.#logarithm(u.low, v.low + 1);
    if (u.share > 0 && v.share > 0) sum += u.share * v.share * this.#logarithm(u.low + 1, v.low + 1);
    return Math.exp(sum);
  }

  /** What limits, and how sure it is, are those of the nearest node. */
  timeAt(x: number, y: number): CallsTime {
    const u = bracketAt(this.#x, x);
    const v = bracketAt(this.#y, y);
    const nearest = this.#node(u.low + Math.round(u.share), v.low + Math.round(v.share));
    if (nearest.seconds === 0) return nearest;
    return addedTimes([[this.secondsAt(x, y) / nearest.seconds, nearest]]);
  }

  #logarithm(i: number, j: number): number {
    const at = i * this.#y.length + j;
    const known = this.#logarithms[at]!;
    if (!Number.isNaN(known)) return known;
    // No kernels take no time: far below what a clock can tell.
    const made = Math.log(Math.max(this.#node(i, j).seconds, 1e-15));
    this.#logarithms[at] = made;
    return made;
  }

  #node(i: number, j: number): CallsTime {
    const at = i * this.#y.length + j;
    this.#times[at] ??= this.#timeAt(this.#x[i]!, this.#y[j]!);
    return this.#times[at];
  }
}
