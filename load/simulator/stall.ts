/** A clock that stands still for a while: what a server has still to do is put off by that. Seconds. */
export interface StallingClock {
  /** @returns the server's time at a real one. */
  serverTime(real: number): number;
  /** @returns when it is so late for the server. */
  realTime(inside: number): number;
}

export function stallingClock(at: number, length: number): StallingClock {
  return {
    serverTime: (real) => (real <= at ? real : Math.max(at, real - length)),
    realTime: (inside) => (inside <= at ? inside : inside + length),
  };
}
