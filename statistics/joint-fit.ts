import { type Common, commonOf } from './common-fit.js';
import { type Estimate, estimateOf } from './row-estimate.js';
import { type Prior, type Starts, weightsOf } from './weighted-starts.js';

/**
 * The best estimate of many rows from all their starts, whatever else ran on the machine.
 *
 * Model: y = row − slopes · x + e, in natural logarithms. y is what a start measured. x is what was read of
 * neighbours beside it (0 = alone). e follows Student's t with four degrees of freedom, and is wider where
 * more was read.
 *
 * All rows share the slopes, which are shrunk towards priors, because three starts of one row cannot
 * determine them. The fit is iteratively reweighted least squares (Lange, Little & Taylor, "Robust
 * statistical modeling using the t distribution", JASA 84, 1989).
 *
 * A row has two levels. `centre` is that of a calm machine, extrapolated if none of its starts was calm.
 * `thisRun` is that of the readings which the starts of all rows have in common (the adjusted means of an
 * analysis of covariance), so that rows stand in a fair order and near what was measured. Decision 0061 has
 * the reasons, with figures.
 */

/** Rows with what they have in common. */
export interface JointFit extends Common {
  /** In the order given; null for a row without a number. */
  readonly rows: readonly (Estimate | null)[];
}

/**
 * Fits all rows together.
 * @param rows for a comparison of two runs the rows of both, each run's own: they share the slopes.
 */
export function jointFit(rows: readonly Starts[], prior: Prior): JointFit {
  const common = commonOf(rows, prior);
  return { ...common, rows: rows.map((row) => estimateOf(row, weightsOf(row, common), common)) };
}
