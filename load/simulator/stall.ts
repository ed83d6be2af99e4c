/**
 * A clock that stands still for a while, which delays everything that the server has still to do. Times are
 * in seconds.
 */
export interface StallingClock {
  /** @returns the server's time at a real one. */
  serverTime(real: number): number;
  /** @returns the real time at a time of the server. */
  realTime(inside: number): number;
}

export function stallingClock(at: number, length: number): StallingClock {
  return {
    serverTime: (real) => (real <= at ? real : Math.max(at, real - length)),
    realTime: (inside) => (inside <= at ? inside : inside + length),
  };
}
