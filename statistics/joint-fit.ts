import { type Common, commonOf } from './common-fit.js';
import { type Estimate, estimateOf } from './row-estimate.js';
import { type Prior, type Starts, weightsOf } from './weighted-starts.js';

/**
 * The best estimate of many rows from all their starts, whatever else ran on the machine.
 *
 * Model: y = row − slopes · x + e. y is the logarithm of what a start says, x what was read beside it of the neighbours (0 = alone),
 * e Student's t with four degrees of freedom, wider where more was read. All rows share the slopes, which shrink to priors: three starts
 * of one row do not know them. Fitted by iteratively reweighted least squares (Lange, Little & Taylor, "Robust statistical modeling
 * using the t distribution", JASA 84, 1989). Everything is in natural logarithms. A row has two levels: `centre` is that of the calm machine,
 * extrapolated where none of its starts was calm; `thisRun` is that of the readings which the starts of all rows have in common (the adjusted
 * means of an analysis of covariance), so that rows stand in a fair order and near what was measured. Why so, with figures: decision 0061.
 */

/** Rows with what they have in common. */
export interface JointFit extends Common {
  /** In the order given; null for a row without a number. */
  readonly rows: readonly (Estimate | null)[];
}

/**
 * Fits all rows together.
 * @param rows for a comparison of two runs the rows of both, each run's own: what they share are the slopes.
 */
export function jointFit(rows: readonly Starts[], prior: Prior): JointFit {
  const common = commonOf(rows, prior);
  return { ...common, rows: rows.map((row) => estimateOf(row, weightsOf(row, common), common)) };
}
