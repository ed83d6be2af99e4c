/** The only clock of the coordinator; everything behind it gets time in events. */
export interface Clock {
  /** Monotonic seconds (CLOCK_MONOTONIC). */
  now(): number;
  /** Wall clock, ISO 8601 in UTC. */
  at(): string;
}

export const systemClock: Clock = {
  now: () => Number(process.hrtime.bigint()) / 1e9,
  at: () => new Date().toISOString(),
};
