import { setTimeout as sleep } from 'node:timers/promises';

/** The only clock of the coordinator; everything behind it gets time in events. */
export interface Clock {
  /** Monotonic seconds (CLOCK_MONOTONIC). */
  now(): number;
  /** Wall clock, ISO 8601 in UTC. */
  isoTime(): string;
}

/** A clock that one can wait by. */
export interface Timer extends Pick<Clock, 'now'> {
  /** Resolves after so many seconds, or when the signal aborts. */
  wait(seconds: number, signal?: AbortSignal): Promise<void>;
}

let [millisecond, text] = [0, ''];

/** Asked several times for each message, and a text takes longer to write than a clock to read. */
function timeOfDay(): string {
  const now = Date.now();
  if (now !== millisecond) [millisecond, text] = [now, new Date(now).toISOString()];
  return text;
}

export const systemClock: Clock & Timer = {
  now: () => Number(process.hrtime.bigint()) / 1e9,
  isoTime: timeOfDay,
  wait: (seconds, signal) =>
    sleep(1000 * seconds, undefined, { ref: false, ...(signal && { signal }) }).catch(() => undefined),
};
