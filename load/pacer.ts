/**
 * How long before an action the loop spins instead of sleeping. Timers of Node.js have whole milliseconds,
 * and fire up to one too late; a spin of half of one halves that for half of a core at worst, and turns at
 * which nothing is due still read sockets.
 */
const SPIN_SECONDS = 0.000_5;
/** Actions of one turn of the loop, so that a burst of thousands does not hold up what arrives meanwhile. */
const ACTIONS_PER_TURN = 32;
/** Longer than this no timer of Node.js waits. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

interface Due {
  readonly seconds: number;
  readonly action: () => void;
}

/** Carries out actions at absolute times: one that comes late moves no other. Never early. */
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
      // Of the same time, what was asked for first goes first.
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
