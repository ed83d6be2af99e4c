import type { Matrix } from '../pruning/matrix.js';
import type { AdapterLayer } from './adapter.js';

/** Rows of one matrix that lie together, changed in place. */
export interface Rows {
  /** `count` rows of `in` weights. */
  readonly values: Float32Array;
  /** Index of the first of them in the matrix. */
  readonly first: number;
}

/**
 * The heavy part of merging. Two engines exist: this portable one, and a native one with threads; both add in
 * double precision in the same order and round once, so that they give the same bits.
 */
export interface MergeEngine {
  readonly name: string;
  /**
   * Sets W to W + strength · (W' − W), where W' is what the adapter makes of it (`AdapterLayer`): at strength
   * 0 it stays, at 1 it is merged, and without magnitudes a strength is a factor of the scale.
   */
  addTo(rows: Rows, layer: AdapterLayer, strength: number): void;
}

/** One thread, no native code, the reference of every other engine. */
export const PORTABLE_MERGE: MergeEngine = { name: 'portable', addTo };

function addTo({ values, first }: Rows, { a, b, scale, magnitude }: AdapterLayer, strength: number): void {
  const width = a.columns;
  const sum = new Float64Array(width);
  const factor = magnitude === null ? scale * strength : scale;
  for (let row = 0; row * width < values.length; row++) {
    const weights = values.subarray(row * width, (row + 1) * width);
    sum.set(weights);
    for (let k = 0; k < a.rows; k++) {
      const coefficient = factor * b.values[(first + row) * a.rows + k]!;
      const from = k * width;
      for (let i = 0; i < width; i++) sum[i]! += coefficient * a.values[from + i]!;
    }
    if (magnitude === null) weights.set(sum);
    else setLength(weights, sum, magnitude[first + row]!, strength);
  }
}

/**
 * DoRA (arXiv 2402.09353, eq. 5; per output row, as peft has it): m · v / |v|. A row of zeros has no
 * direction and stays.
 */
function setLength(weights: Float32Array, sum: Float64Array, magnitude: number, strength: number): void {
  let squares = 0;
  for (const value of sum) squares += value * value;
  const gain = squares > 0 ? magnitude / Math.sqrt(squares) : 0;
  for (let i = 0; i < sum.length; i++) {
    const before = weights[i]!;
    weights[i] = strength === 1 ? gain * sum[i]! : before + strength * (gain * sum[i]! - before);
  }
}

/** @returns the matrix with the adapter in it; the matrix itself stays. */
export function merged(weights: Matrix, layer: AdapterLayer, strength = 1): Matrix {
  const values = weights.values.slice();
  addTo({ values, first: 0 }, layer, strength);
  return { ...weights, values };
}
