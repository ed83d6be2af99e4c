import { duration } from '../../report/time-left.js';
import { AT_MOST, promiseText } from '../plan/sweep-time.js';

/** What is left of a command, as far as it is known while it runs. */
export interface Left {
  /** Seconds that it takes at least. */
  readonly least: number;
  /** Seconds that it takes, about. */
  readonly likely: number;
  /** What it is at: `1 of 2 rows has no start yet`. */
  readonly at: string;
}

/** Work of a known size: what is late takes as long again, for all that anybody knows. */
export function leftOf(at: string, expectedSeconds: number, spentSeconds: number): Left {
  const left = expectedSeconds - spentSeconds;
  return left > 0 ? { least: left, likely: left, at } : { least: 0, likely: spentSeconds, at };
}

/** What somebody watching a sweep knows of it. */
export interface SweepPace {
  readonly points: number;
  readonly starts: number;
  /** Starts that points lack. */
  readonly trialsLeft: number;
  /** Median of those that are over; null before the first. */
  readonly trialSeconds: number | null;
  readonly running: readonly { readonly elapsedSeconds: number }[];
}

/**
 * Of a sweep: starts after the first of each point are left out where time is short, the first ones never.
 * @param expectedSeconds of one trial.
 */
export function sweepLeft(
  { points, starts, trialsLeft, trialSeconds, running }: SweepPace,
  expectedSeconds: number,
): Left {
  const needed = Math.max(0, trialsLeft - points * (starts - 1));
  const at = `${needed} of ${points} ${points === 1 ? 'row' : 'rows'} ${needed === 1 ? 'has' : 'have'} no start yet`;
  const longest = Math.max(0, ...running.map(({ elapsedSeconds }) => elapsedSeconds));
  const pace = trialSeconds ?? expectedSeconds;
  const spent = Math.min(
    needed * pace,
    running.reduce((sum, { elapsedSeconds }) => sum + Math.min(elapsedSeconds, pace), 0),
  );
  const least = needed * pace - spent;
  return { least, likely: needed === 0 ? 0 : needed * Math.max(pace, 2 * longest) - longest, at };
}

/** @returns what is left where this comes behind it, about; the least of that is not known. */
export function followed({ least, likely, at }: Left, seconds: number): Left {
  return { least, likely: likely + seconds, at };
}

const LOOK_MILLISECONDS = 500;

/**
 * The time that a command has promised, from the start of its process to its end. It is looked at all the
 * while, and as soon as what is left cannot be done in it, that is said, with a new one.
 */
export class TimePromise {
  readonly #say: (sentence: string) => void;
  readonly #seconds: () => number;
  #limit: number | null = null;
  #what = '';
  #left: (() => Left) | null = null;
  #clock: NodeJS.Timeout | null = null;

  /** @param seconds since the command was started, now. */
  constructor(say: (sentence: string) => void, seconds: () => number = () => performance.now() / 1000) {
    this.#say = say;
    this.#seconds = seconds;
  }

  /** Seconds since the command was started. */
  get spent(): number {
    return this.#seconds();
  }

  /** Seconds until it has to be over; null where nothing was promised. */
  get left(): number | null {
    return this.#limit === null ? null : this.#limit - this.#seconds();
  }

  /**
   * @param limit seconds since the command was started, which somebody was told. @param what is over by then.
   */
  promise(limit: number, what = 'in all'): void {
    this.#limit = limit;
    this.#what = what;
    if (this.#clock !== null) return;
    this.#clock = setInterval(() => this.look(), LOOK_MILLISECONDS);
    this.#clock.unref();
  }

  /** From here on this is left. */
  expect(left: () => Left): void {
    this.#left = left;
    this.look();
  }

  /** Says it where what was promised cannot be kept any more. */
  look(): void {
    const left = this.#left?.();
    if (this.#limit === null || left === undefined) return;
    const now = this.#seconds();
    if (now + left.least <= this.#limit) return;
    const about = now + left.likely;
    this.#say(
      `it takes longer than the ${duration(this.#limit)} that were promised, for ${left.at}: ${promiseText(about)} ${this.#what}`,
    );
    this.#limit = AT_MOST * about;
  }

  end(): void {
    if (this.#clock !== null) clearInterval(this.#clock);
    this.#clock = null;
    this.#limit = null;
  }
}
