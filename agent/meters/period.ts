import { setTimeout as wait } from 'node:timers/promises';
import { quantile } from '../../core/statistics/quantile.js';
import { monotonicSeconds } from '../isolation/line.js';

/** How often a source gives something new, or why that could not be seen. */
export type Period =
  | { readonly seconds: number; readonly changes: number }
  | { readonly seconds: null; readonly reason: string };

export interface PeriodOptions {
  /** It ends after so many changes (default 12) … */
  readonly changes?: number;
  /** … or after this time (default 4 s, which is four updates of the slowest sources). */
  readonly limitSeconds?: number;
  /** Stands in for the clock and for waiting, in tests. */
  readonly time?: { now(): number; sleep(seconds: number): Promise<void> };
}

const REAL = { now: monotonicSeconds, sleep: (seconds: number) => wait(seconds * 1000) };

/** Node's timers are no finer. */
const SHORTEST_PAUSE_SECONDS = 0.001;
const LONGEST_PAUSE_SECONDS = 0.05;
/** Asking this often per wait finds a change with an error of 5 %. */
const LOOKS_PER_WAIT = 20;
/** Of the time that looking takes, so much is rest: several sources are looked at side by side. */
const REST_PER_LOOK = 4;
/** One distance between two changes may be an accident. */
const FEWEST_CHANGES = 3;

/**
 * Measures the update period of a source: it is read until its value has changed a few times, more seldom
 * the longer nothing happens. A counter moves at every update, so its period is the median distance of
 * changes. A gauge may be renewed with the value it had, which looks like a longer period: the lower
 * quartile.
 * @param read the value now, or null when there is none at the moment.
 * @returns seconds, no finer than a millisecond; null with a reason for what stood still.
 */
export async function measurePeriod(
  read: () => number | null,
  kind: 'counter' | 'gauge',
  { changes = 12, limitSeconds = 4, time = REAL }: PeriodOptions = {},
): Promise<Period> {
  const start = time.now();
  const changedAt: number[] = [];
  let last = read();
  let since = start;
  for (let now = start; now - start < limitSeconds && changedAt.length < changes; ) {
    const wanted = Math.max(REST_PER_LOOK * (time.now() - now), (now - since) / LOOKS_PER_WAIT);
    await time.sleep(Math.min(Math.max(wanted, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS));
    now = time.now();
    const value = read();
    if (value === null || value === last) continue;
    if (last !== null) changedAt.push(now);
    last = value;
    since = now;
  }
  if (last === null) return { seconds: null, reason: 'it gave no value' };
  if (changedAt.length < FEWEST_CHANGES) {
    const seen = changedAt.length === 0 ? 'did not change' : `changed ${changedAt.length} times`;
    return { seconds: null, reason: `it ${seen} within ${limitSeconds} s` };
  }
  const distances = changedAt.slice(1).map((at, i) => at - changedAt[i]!);
  return { seconds: quantile(distances, kind === 'counter' ? 0.5 : 0.25), changes: changedAt.length };
}
