import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { median, quantileOfSorted, sorted } from '../../statistics/quantile.js';
import type { Meter, Quantity } from './meter.js';

/** How often a source renews a quantity: seen at the agent's start, or why it could not be seen. */
export type UpdatePeriod =
  | { readonly seconds: number; readonly changes: number }
  | { readonly seconds: null; readonly changes: number; readonly reason: string };

/** By `meter/quantity`. */
export type UpdatePeriods = ReadonlyMap<string, UpdatePeriod>;

export interface PeriodLimits {
  /** No reading pauses during this time, for sources that are renewed every millisecond. */
  readonly burstSeconds: number;
  /** In all; readings are about a millisecond apart then, and so is what is told apart. */
  readonly totalSeconds: number;
}

const LIMITS: PeriodLimits = { burstSeconds: 0.05, totalSeconds: 2 };
/** Fewer distances between changes say nothing of their usual length. */
const FEWEST_DISTANCES = 5;
/** A counter moves at every renewal: if it moved so often in all that time, its renewals are far apart. */
const FEWEST_OF_SLOW = 3;
/** For such a counter, so many times the usual time. */
const PATIENCE = 2.5;
/** More distances would hardly change the estimate. */
const ENOUGH_DISTANCES = 25;
const PAUSE_MILLISECONDS = 1;
/** A change that is found this soon after the reading before it was seen as it happened. */
const SEEN_SECONDS = 0.003;

/** A change, and the time since the reading before: it happened at some moment within that time. */
interface Change {
  readonly seconds: number;
  readonly unseenSeconds: number;
}

/**
 * The period of a counter or gauge from its readings: how far apart its changes are. A counter moves at
 * every renewal, so the median distance is its period. A gauge may be renewed with
 * an equal value, so that some distances are multiples of its period: of a gauge it is the lower quartile.
 * Changes that happened while the machine was too busy to look are not used.
 */
export class ChangeWatch {
  readonly #kind: Quantity['kind'];
  readonly #changes: Change[] = [];
  #value: number | null = null;
  #first: number | null = null;
  #last = 0;

  constructor(kind: Quantity['kind']) {
    this.#kind = kind;
  }

  /** @param seconds monotonic; readings come in the order of their times. */
  see(seconds: number, value: number): void {
    this.#first ??= seconds;
    if (this.#value !== null && value !== this.#value) {
      this.#changes.push({ seconds, unseenSeconds: seconds - this.#last });
    }
    this.#last = seconds;
    this.#value = value;
  }

  /** True when more readings would not change what is known. */
  get settled(): boolean {
    return this.#changes.length > ENOUGH_DISTANCES;
  }

  get moved(): boolean {
    return this.#changes.length > 0;
  }

  /** True for a counter that moves, but not often enough yet to tell how often. */
  get slow(): boolean {
    return this.#kind === 'counter' && this.moved && this.#changes.length < FEWEST_OF_SLOW;
  }

  period(): UpdatePeriod {
    if (this.#first === null) return { seconds: null, changes: 0, reason: 'it gave no reading' };
    const changes = this.#changes.length;
    const watched = this.#last - this.#first;
    const distances = this.#distances();
    if (distances.length < FEWEST_DISTANCES) {
      const [first, last] = [this.#changes[0], this.#changes.at(-1)];
      if (this.#kind === 'counter' && changes >= FEWEST_OF_SLOW) {
        return { seconds: (last!.seconds - first!.seconds) / (changes - 1), changes };
      }
      return { seconds: null, changes, reason: `it changed ${changes} times in ${watched.toFixed(1)} s` };
    }
    const seconds = this.#kind === 'counter' ? median(distances) : quantileOfSorted(sorted(distances), 0.25);
    return { seconds, changes };
  }

  /** Between neighbouring changes that were both seen when they came. */
  #distances(): number[] {
    // A driver may take longer to answer than any pause: then that is what can be told apart.
    const usual = median(this.#changes.map(({ unseenSeconds }) => unseenSeconds));
    const limit = Math.max(SEEN_SECONDS, 2 * usual);
    return this.#changes.flatMap((change, i) => {
      const before = this.#changes[i - 1];
      if (before === undefined || Math.max(change.unseenSeconds, before.unseenSeconds) > limit) return [];
      return [change.seconds - before.seconds];
    });
  }
}

/**
 * Finds out how often meters change. They are read as fast as possible for a moment, then about every
 * millisecond, until their energy and power have changed often enough or the time is over. Counters that move
 * seldom get more time. This is only for the agent's start, since it takes time that trials must not lose.
 * @param pause waits for so many milliseconds.
 */
export async function measurePeriods(
  meters: readonly Meter[],
  { burstSeconds, totalSeconds }: PeriodLimits = LIMITS,
  pause: (milliseconds: number) => Promise<unknown> = sleep,
): Promise<UpdatePeriods> {
  const watches = new Map<string, ChangeWatch>();
  for (const meter of meters) {
    for (const { name, kind } of meter.quantities)
      watches.set(periodKey(meter.name, name), new ChangeWatch(kind));
  }
  const readCounter = () => {
    for (const meter of meters) {
      for (const { quantity, seconds, value } of meter.read()) {
        watches.get(periodKey(meter.name, quantity))?.see(seconds, value);
      }
    }
  };
  const telling = meters.flatMap((meter) =>
    meter.quantities
      .filter(({ domain }) => domain !== null)
      .map(({ name }) => watches.get(periodKey(meter.name, name))!),
  );
  const began = monotonicSeconds();
  const passed = () => monotonicSeconds() - began;
  // What has not moved at all in three quarters of the time would not move often enough in the rest.
  const isComplete = () =>
    telling.every(({ settled, moved }) => settled || (!moved && passed() > 0.75 * totalSeconds));
  while (watches.size > 0 && !isComplete() && passed() < burstSeconds) readCounter();
  const patient = () =>
    passed() < totalSeconds || (passed() < PATIENCE * totalSeconds && telling.some(({ slow }) => slow));
  while (watches.size > 0 && !isComplete() && patient()) {
    await pause(PAUSE_MILLISECONDS);
    readCounter();
  }
  return new Map([...watches].map(([key, watch]) => [key, watch.period()]));
}

export function periodKey(meter: string, quantity: string): string {
  return `${meter}/${quantity}`;
}
