import type { Layer } from '../../../core/techniques/pruning/layer.js';
import { HessianAccumulator } from '../../support/pruning/hessian.js';
import { StatisticsAccumulator } from '../../support/pruning/statistics.js';

/** Random numbers of a seed: even ones in [0, 1) and normal ones. */
export function randomOf(seed: number) {
  let state = Math.imul(seed, 2654435761) >>> 0;
  const even = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - even())) * Math.cos(2 * Math.PI * even());
  return { even, normal };
}

export interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly tokens: number;
  readonly seed: number;
}

/** A layer with normal weights, and inputs beside those it was calibrated with. */
export interface Drawn {
  readonly layer: Layer;
  readonly unseen: Float32Array;
}

/** Directions that the inputs share, as those of a model do. */
const SHARED = 8;
/** Share of the channels whose activations are so many times as large (arXiv 2208.07339 has 0.1 to 1 %). */
const [OUTLIERS, OUTLIER_FACTOR] = [0.005, 30];

/**
 * @param hessian left out for wide layers, whose methods need none.
 * @returns a layer whose inputs have channels of different size, outliers, means and correlations.
 */
export function drawLayer({ rows, columns, tokens, seed }: Shape, hessian = true): Drawn {
  const { even, normal } = randomOf(seed);
  const values = Float32Array.from({ length: rows * columns }, normal);
  const scale = Float64Array.from(
    { length: columns },
    () => Math.exp(0.5 * normal()) * (even() < OUTLIERS ? OUTLIER_FACTOR : 1),
  );
  const mean = Float64Array.from({ length: columns }, () => 0.5 * normal());
  const mixed = Float64Array.from({ length: columns * SHARED }, () => normal() / Math.sqrt(SHARED));
  const inputs = (count: number) => {
    const all = new Float32Array(count * columns);
    for (let t = 0; t < count; t++) {
      const shared = Float64Array.from({ length: SHARED }, normal);
      for (let j = 0; j < columns; j++) {
        let x = mean[j]! + normal();
        for (let k = 0; k < SHARED; k++) x += mixed[j * SHARED + k]! * shared[k]!;
        all[t * columns + j] = scale[j]! * x;
      }
    }
    return all;
  };
  const seen = inputs(tokens);
  const statistics = new StatisticsAccumulator(columns);
  statistics.addSequence(seen);
  const gram = hessian ? new HessianAccumulator(columns) : null;
  gram?.addSequence(seen);
  const weights = { rows, columns, values };
  const layer: Layer = {
    name: 'synthetic',
    weights,
    statistics: statistics.statistics()!,
    hessian: gram?.hessian() ?? null,
  };
  return { layer, unseen: inputs(64) };
}
