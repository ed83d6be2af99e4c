/** A clock that stands still for a while: what a server has still to do is put off by that. Seconds. */
export interface StallingClock {
  /** @returns the server's time at a real one. */
  inside(real: number): number;
  /** @returns when it is so late for the server. */
  real(inside: number): number;
}

export function stallingClock(at: number, length: number): StallingClock {
  return {
    inside: (real) => (real <= at ? real : Math.max(at, real - length)),
    real: (inside) => (inside <= at ? inside : inside + length),
  };
}
