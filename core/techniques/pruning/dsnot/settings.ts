/**
 * How DSnoT exchanges weights (arXiv 2310.08915). The defaults are those of the published code.
 */
export interface DsnotSettings {
  /**
   * `reference`: the published code bit for bit, with its side effects. `strict`: a step is taken only if it
   * lowers the row's error, a row ends when it has no candidate left, and weights on dead channels are never
   * regrown.
   */
  readonly mode: 'reference' | 'strict';
  /** Most exchanges per row (`max_cycle_time`). */
  readonly maxCycles: number;
  /**
   * A row ends when |e| is at most this (`update_threshold`). In units of W · S, so it grows with the
   * sequence length.
   */
  readonly updateThreshold: number;
  /** Regrown is the largest W · S / V^power (`pow_of_var_regrowing`); 0 leaves the variance out. */
  readonly growVariancePower: number;
  /**
   * False: a row also ends when its error would change sign (`without_same_sign`). The published code tests
   * the sign for grouped patterns whatever this says; `strict` mode does as it says.
   */
  readonly withoutSameSign: boolean;
}

export const DSNOT_DEFAULTS: DsnotSettings = {
  mode: 'strict',
  maxCycles: 50,
  updateThreshold: 0.1,
  growVariancePower: 1,
  withoutSameSign: true,
};

/** @returns what is wrong with the settings, or null. */
export function wrongSettings(settings: DsnotSettings): string | null {
  const { maxCycles, updateThreshold, growVariancePower } = settings;
  if (!Number.isInteger(maxCycles) || maxCycles < 0) return `maxCycles ${maxCycles} is not a count`;
  if (!(updateThreshold >= 0)) return `updateThreshold ${updateThreshold} is not 0 or more`;
  if (!(growVariancePower >= 0) || growVariancePower === Number.POSITIVE_INFINITY) {
    return `growVariancePower ${growVariancePower} is not 0 or more`;
  }
  return null;
}
