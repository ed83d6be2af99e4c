/** A number that is searched for, in logarithms, between two ends. */
export interface Unknown {
  readonly start: number;
  readonly least: number;
  readonly most: number;
}

/** How far a step goes at first and at last, as a factor less one. */
const FIRST_STEP = 0.5;
const LAST_STEP = 1e-3;

/**
 * Finds the numbers for which `loss` is least, one after the other by steps that are halved when none helps
 * (Hooke & Jeeves, J. ACM 8(2), 1961). Few numbers, a loss that is cheap and may have corners: nothing finer
 * is needed.
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
    // What helped together is tried once more: numbers that depend on each other move along their valley.
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
