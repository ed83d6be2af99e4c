import { methodOf } from '../methods/index.js';
import { OutputErrors } from '../output-error.js';
import type { Allocation } from './allocation.js';
import { ALIKE, balance, type SizedLayer, weightsOf } from './balance.js';

/** A layer that gets a ratio, and how much its output suffers. */
export interface SensitiveLayer extends SizedLayer {
  /** ‖(W − W′) X‖ / ‖W X‖ at the overall ratio; null where the dense output is zero. */
  readonly relativeError: number | null;
}

/**
 * Prunes every layer on trial, each by itself at the overall ratio: the more its output suffers, the lower
 * its ratio. DSnoT's initial mask stands for what DSnoT makes of it.
 */
export const sensitivity = {
  name: 'sensitivity',
  reads: ['spread'],
  hessians: true,
  begin({ method, ratio, spread, engine }) {
    const first = methodOf(method).firstMask(method);
    const layers: SensitiveLayer[] = [];
    return {
      see(layer) {
        const { name, weights, statistics, hessian } = layer;
        const trial = methodOf(first).choose(layer, first, { kind: 'unstructured', ratio }, engine).weights;
        const { relative } = new OutputErrors(engine, weights, hessian!, statistics!).errorOf(trial);
        layers.push({ name, rows: weights.rows, columns: weights.columns, relativeError: relative });
      },
      ratios: () => allocateBySensitivity(layers, ratio, spread),
    };
  },
} as const satisfies Allocation;

/**
 * Gives each layer a ratio within `spread` of the overall one, lower for layers whose output suffers more:
 * clamp(r + t · (μ − log s), r − spread, r + spread), s the relative output error at ratio r; t makes the
 * layer farthest from the mean of log s reach the spread, μ makes the whole come out at r. The idea that
 * layers deserve ratios of their own within a narrow band is OWL's (arXiv 2310.05175), which ranks them by
 * outliers instead.
 */
export function allocateBySensitivity(
  layers: readonly SensitiveLayer[],
  ratio: number,
  spread: number,
): ReadonlyMap<string, number> {
  const logs = standings(layers);
  const weights = weightsOf(layers);
  const mean = logs.reduce((sum, log, i) => sum + (log * layers[i]!.rows * layers[i]!.columns) / weights, 0);
  const farthest = Math.max(...logs.map((log) => Math.abs(log - mean)));
  const demands = logs.map((log) => (farthest > ALIKE ? (spread / farthest) * log : 0));
  return balance(layers, demands, ratio, {
    least: Math.max(0, ratio - spread),
    most: Math.min(1, ratio + spread),
  });
}

/** log s of every layer; one without an error stands with the least sensitive. */
function standings(layers: readonly SensitiveLayer[]): number[] {
  const logs = layers.map(({ relativeError }) => Math.log(relativeError ?? 0));
  const finite = logs.filter(Number.isFinite);
  const least = finite.length === 0 ? 0 : Math.min(...finite);
  return logs.map((log) => (Number.isFinite(log) ? log : least));
}
