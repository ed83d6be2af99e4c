/** Monotonic seconds: CLOCK_MONOTONIC, the same clock in parent and child. */
export function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** Rounds to whole nanoseconds: what the clock gives is no finer, and records stay readable. */
export function wholeNanoseconds(seconds: number): number {
  return Math.round(seconds * 1e9) / 1e9;
}
