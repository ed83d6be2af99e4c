import type { AxisValue } from '../../experiment/experiment.js';
import { expertTokens } from '../expert-tokens.js';
import type { CalibratedError } from './output-error.js';
import type { LayerReport } from './report.js';

/** What was done to one layer of a model, for the report beside the pruned file. */
export interface PrunedLayerReport extends LayerReport {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Its method and pattern: `dsnot 50%`. */
  readonly recipe: string;
  /** Tokens that went into it, of an expert those that were sent to it; null without a calibration. */
  readonly calibrationTokens: number | null;
  /** Of the initial mask, and of the final weights; null where it was not measured. */
  readonly outputErrorBefore: CalibratedError | null;
  readonly outputErrorAfter: CalibratedError | null;
  /** Exchanges of two weights by DSnoT; null for other methods. */
  readonly exchangeSteps: number | null;
  /** Swaps that refined the mask; null without refinement. */
  readonly swaps: number | null;
  /** Rows that made as many swaps as they may, and might have made more. */
  readonly rowsAtMaxSwaps: number | null;
  /** Before the swaps; null without them, or where it was not measured. */
  readonly outputErrorUnrefined: CalibratedError | null;
  /** The layer’s share of the time that its block’s activations took to collect. */
  readonly statisticsSeconds: number;
  readonly maskSeconds: number;
}

/** The report of a whole model. */
export interface PruneReport {
  readonly word: string;
  readonly calibration: { readonly text: string; readonly sequences: number; readonly tokens: number } | null;
  readonly layers: readonly PrunedLayerReport[];
}

/** A report in single numbers; null where nothing was measured. */
export interface PruneTotals {
  readonly layers: number;
  readonly weights: number;
  readonly pruned: number;
  /** Pruned share of the weights of all pruned layers. */
  readonly sparsity: number;
  readonly minRowSparsity: number;
  readonly maxRowSparsity: number;
  readonly changedWeights: number;
  readonly updatedWeights: number;
  /** Means over all rows of all layers. */
  readonly meanAbsoluteErrorBefore: number | null;
  readonly meanAbsoluteErrorAfter: number | null;
  readonly outputMeanSquareBefore: number | null;
  readonly outputMeanSquareAfter: number | null;
  /** Mean over layers. */
  readonly relativeOutputErrorBefore: number | null;
  readonly relativeOutputErrorAfter: number | null;
  /** Over all layers that swaps refined, and what their errors were before; null where none was. */
  readonly swaps: number | null;
  readonly rowsAtMaxSwaps: number | null;
  readonly outputMeanSquareUnrefined: number | null;
  readonly relativeOutputErrorUnrefined: number | null;
  /**
   * Calibration tokens of the expert that saw the fewest, and of the one in the middle; null without experts
   * or a calibration.
   */
  readonly minExpertTokens: number | null;
  readonly medianExpertTokens: number | null;
  readonly unreachedExperts: number | null;
  readonly statisticsSeconds: number;
  readonly maskSeconds: number;
}

export function totalsOf({ layers }: PruneReport): PruneTotals {
  const sum = (numberOf: (layer: PrunedLayerReport) => number) =>
    layers.reduce((total, layer) => total + numberOf(layer), 0);
  const mean = (
    numberOf: (layer: PrunedLayerReport) => number | null | undefined,
    weight: (layer: PrunedLayerReport) => number,
  ): number | null => {
    const known = layers.filter((layer) => typeof numberOf(layer) === 'number');
    const all = known.reduce((total, layer) => total + weight(layer), 0);
    return all === 0
      ? null
      : known.reduce((total, layer) => total + numberOf(layer)! * weight(layer), 0) / all;
  };
  const rows = ({ rows: count }: PrunedLayerReport) => count;
  const refined = layers.filter((layer) => layer.swaps !== null);
  const sumOfRefined = (numberOf: (layer: PrunedLayerReport) => number | null) =>
    refined.length === 0 ? null : refined.reduce((total, layer) => total + numberOf(layer)!, 0);
  const weights = sum((layer) => layer.weights);
  const pruned = sum((layer) => layer.pruned);
  const experts = expertTokens(layers.map(({ name, calibrationTokens: tokens }) => ({ name, tokens })));
  return {
    layers: layers.length,
    weights,
    pruned,
    sparsity: pruned / weights,
    minRowSparsity: Math.min(...layers.map((layer) => layer.minRowSparsity)),
    maxRowSparsity: Math.max(...layers.map((layer) => layer.maxRowSparsity)),
    changedWeights: sum((layer) => layer.changedWeights),
    updatedWeights: sum((layer) => layer.updatedWeights),
    meanAbsoluteErrorBefore: mean((layer) => layer.meanAbsoluteErrorBefore, rows),
    meanAbsoluteErrorAfter: mean((layer) => layer.meanAbsoluteErrorAfter, rows),
    outputMeanSquareBefore: mean((layer) => layer.outputErrorBefore?.meanSquare, rows),
    outputMeanSquareAfter: mean((layer) => layer.outputErrorAfter?.meanSquare, rows),
    relativeOutputErrorBefore: mean(
      (layer) => layer.outputErrorBefore?.relative,
      () => 1,
    ),
    relativeOutputErrorAfter: mean(
      (layer) => layer.outputErrorAfter?.relative,
      () => 1,
    ),
    swaps: sumOfRefined((layer) => layer.swaps),
    rowsAtMaxSwaps: sumOfRefined((layer) => layer.rowsAtMaxSwaps),
    outputMeanSquareUnrefined: mean((layer) => layer.outputErrorUnrefined?.meanSquare, rows),
    relativeOutputErrorUnrefined: mean(
      (layer) => layer.outputErrorUnrefined?.relative,
      () => 1,
    ),
    minExpertTokens: experts?.least ?? null,
    medianExpertTokens: experts?.median ?? null,
    unreachedExperts: experts?.unreached ?? null,
    statisticsSeconds: sum((layer) => layer.statisticsSeconds),
    maskSeconds: sum((layer) => layer.maskSeconds),
  };
}

/**
 * @returns the totals as the lineage of an artifact keeps them; its key `sparsity` is what records are judged
 *   by.
 */
export function factsOf(report: PruneReport): Record<string, AxisValue> {
  return {
    ...totalsOf(report),
    calibrationSequences: report.calibration?.sequences ?? null,
    calibrationTokens: report.calibration?.tokens ?? null,
  };
}
