/** 2^(−n + ½) for n = 0, 1, …: everything that a double can hold. */
const POWERS = Float64Array.from({ length: 1076 }, (_, n) => 2 ** (0.5 - n));

/** 1/k!, from the tenth down. */
const [C10, C9, C8, C7, C6, C5, C4, C3, C2] = [
  1 / 3628800,
  1 / 362880,
  1 / 40320,
  1 / 5040,
  1 / 720,
  1 / 120,
  1 / 24,
  1 / 6,
  1 / 2,
] as const;

/**
 * e^x for x ≤ 0, about twice as fast as Math.exp: sums over vocabularies spend their time here. x is split
 * into a power of two and a rest of at most ½ ln 2, whose series ends after the tenth power.
 * @returns e^x with a relative error below 1e-12, 0 below e^−700, and NaN for NaN.
 */
export function expOfNegative(x: number): number {
  if (x < -700) return 0;
  const y = x * Math.LOG2E;
  const floor = Math.floor(y);
  const z = (y - floor - 0.5) * Math.LN2;
  const high = C5 + z * (C6 + z * (C7 + z * (C8 + z * (C9 + z * C10))));
  return POWERS[-floor]! * (1 + z * (1 + z * (C2 + z * (C3 + z * (C4 + z * high)))));
}
