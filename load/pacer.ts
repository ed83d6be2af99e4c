/**
 * How long before an action the loop spins instead of sleeping. Timers of Node.js have whole milliseconds and
 * fire up to one millisecond late. Spinning for half a millisecond halves that, at the cost of at most half a
 * core; sockets are still read while nothing is due.
 */
const SPIN_SECONDS = 0.000_5;
/**
 * The most actions in one turn of the loop, so that a burst of thousands does not delay the data that arrives
 * meanwhile.
 */
const ACTIONS_PER_TURN = 32;
/** The longest time that a timer of Node.js can wait. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

interface Due {
  readonly seconds: number;
  readonly action: () => void;
}

/**
 * Carries out actions at absolute times and never early. An action that is late does not delay the others.
 */
export class Pacer {
  readonly #now: () => number;
  /** The next one last. */
  readonly #due: Due[] = [];
  #timer: NodeJS.Timeout | null = null;
  #immediate: NodeJS.Immediate | null = null;

  /** @param now monotonic seconds, by which actions are timed. */
  constructor(now: () => number) {
    this.#now = now;
  }

  schedule(seconds: number, action: () => void): void {
    const due = this.#due;
    let low = 0;
    let high = due.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      // Actions with the same time keep the order in which they were added.
      if (due[middle]!.seconds > seconds) low = middle + 1;
      else high = middle;
    }
    due.splice(low, 0, { seconds, action });
    if (low === due.length - 1) this.#arm();
  }

  /** Forgets what has not begun. */
  close(): void {
    this.#due.length = 0;
    this.#disarm();
  }

  #arm(): void {
    if (this.#immediate !== null) return;
    this.#disarm();
    const next = this.#due.at(-1);
    if (next === undefined) return;
    const left = next.seconds - this.#now();
    if (left <= SPIN_SECONDS) this.#immediate = setImmediate(this.#turn);
    else {
      const milliseconds = Math.max(1, Math.floor((left - SPIN_SECONDS) * 1000));
      this.#timer = setTimeout(this.#turn, Math.min(milliseconds, LONGEST_TIMER_MILLISECONDS));
    }
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#timer = null;
    this.#immediate = null;
  }

  readonly #turn = (): void => {
    this.#disarm();
    for (let i = 0; i < ACTIONS_PER_TURN; i++) {
      const next = this.#due.at(-1);
      if (next === undefined || next.seconds > this.#now()) break;
      this.#due.pop();
      next.action();
    }
    this.#arm();
  };
}
