/** A number to be found, searched for in logarithms between two limits. */
export interface Unknown {
  readonly start: number;
  readonly least: number;
  readonly most: number;
}

/** Size of the first and of the last step, as a factor minus one. */
const FIRST_STEP = 0.5;
const LAST_STEP = 1e-3;

/**
 * Finds the numbers with the least `loss`. It changes one number at a time, by steps that are halved when
 * none helps (Hooke & Jeeves, J. ACM 8(2), 1961). That is enough for a few numbers and a loss that is cheap
 * and may not be smooth.
 */
export function search<K extends string>(
  unknowns: Readonly<Record<K, Unknown>>,
  loss: (values: Readonly<Record<K, number>>) => number,
): Record<K, number> {
  const names = Object.keys(unknowns) as K[];
  let best = Object.fromEntries(names.map((name) => [name, unknowns[name].start])) as Record<K, number>;
  let least = loss(best);
  for (let step = FIRST_STEP; step > LAST_STEP; ) {
    const before = least;
    const base = best;
    for (const name of names) {
      for (const factor of [1 + step, 1 / (1 + step)]) {
        const { least: low, most: high } = unknowns[name];
        const candidate = { ...best, [name]: Math.min(high, Math.max(low, best[name] * factor)) };
        const value = loss(candidate);
        if (value < least) {
          best = candidate;
          least = value;
          break;
        }
      }
    }
    // The combined change that helped is repeated, so that numbers that depend on each other move together
    // along a valley.
    for (let tries = 0; least < before && tries < 8; tries++) {
      const candidate = { ...best };
      for (const name of names) {
        const { least: low, most: high } = unknowns[name];
        candidate[name] = Math.min(high, Math.max(low, (best[name] * best[name]) / base[name]));
      }
      const value = loss(candidate);
      if (value >= least) break;
      best = candidate;
      least = value;
    }
    if (least >= before - 1e-12) step /= 2;
  }
  return best;
}
