import { setTimeout as sleep } from 'node:timers/promises';

/** The only clock of the coordinator; everything behind it gets time in events. */
export interface Clock {
  /** Monotonic seconds (CLOCK_MONOTONIC). */
  now(): number;
  /** Wall clock, ISO 8601 in UTC. */
  at(): string;
}

/** A clock that one can wait by. */
export interface Timer extends Pick<Clock, 'now'> {
  /** Resolves after so many seconds, or when the signal aborts. */
  wait(seconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock & Timer = {
  now: () => Number(process.hrtime.bigint()) / 1e9,
  at: () => new Date().toISOString(),
  wait: (seconds, signal) =>
    sleep(1000 * seconds, undefined, { ref: false, ...(signal && { signal }) }).catch(() => undefined),
};
