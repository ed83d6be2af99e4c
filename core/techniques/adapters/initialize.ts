import { type Matrix, rowOf } from '../pruning/matrix.js';
import { type AdapterLayer, rankOf } from './adapter.js';
import { type InitialFactors, withoutInitial } from './convert.js';
import { leadingSingular } from './svd.js';

/** A stream of numbers from 0 to 1, the same for the same seed. */
export type Uniform = () => number;

/**
 * LoRA's beginning, as peft makes it: A uniform within ±1/√in (kaiming_uniform with a = √5), and B zero, so
 * that the first step changes nothing.
 */
export function loraFactors(rows: number, columns: number, rank: number, uniform: Uniform): InitialFactors {
  const bound = 1 / Math.sqrt(columns);
  const drawWeight = () => (2 * uniform() - 1) * bound;
  return {
    a: { rows: rank, columns, values: Float32Array.from({ length: rank * columns }, drawWeight) },
    b: { rows, columns: rank, values: new Float32Array(rows * rank) },
  };
}

/**
 * PiSSA (arXiv 2404.02948): A and B are the leading singular part of W, so that scale · B · A is its best
 * approximation of rank r.
 */
export function pissaFactors(weights: Matrix, rank: number, scale: number): InitialFactors {
  const { rows, columns } = weights;
  const { values, left, right } = leadingSingular(weights, rank);
  const a = new Float32Array(rank * columns);
  const b = new Float32Array(rows * rank);
  for (const [k, value] of values.entries()) {
    const root = Math.sqrt(value / scale);
    for (let i = 0; i < columns; i++) a[k * columns + i] = root * right[k * columns + i]!;
    for (let row = 0; row < rows; row++) b[row * rank + k] = root * left[k * rows + row]!;
  }
  return { a: { rows: rank, columns, values: a }, b: { rows, columns: rank, values: b } };
}

/**
 * OLoRA (arXiv 2406.01775): W = Q R, of which B takes the first r columns of Q and A the first r rows of R.
 * Only these are computed: Gram–Schmidt with a second pass on the first r columns of W, and R = Qᵀ W.
 */
export function oloraFactors({ rows, columns, values }: Matrix, rank: number): InitialFactors {
  const count = Math.min(rank, rows, columns);
  const q = new Float64Array(count * rows);
  const a = new Float32Array(rank * columns);
  const b = new Float32Array(rows * rank);
  for (let k = 0; k < count; k++) {
    const vector = q.subarray(k * rows, (k + 1) * rows);
    for (let row = 0; row < rows; row++) vector[row] = values[row * columns + k]!;
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) subtractProjection(vector, q.subarray(j * rows, (j + 1) * rows));
    }
    const size = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    for (let row = 0; row < rows; row++) vector[row] = size > 0 ? vector[row]! / size : 0;
    const projection = new Float64Array(columns);
    for (let row = 0; row < rows; row++) {
      b[row * rank + k] = vector[row]!;
      for (let i = 0; i < columns; i++) projection[i]! += vector[row]! * values[row * columns + i]!;
    }
    a.set(projection, k * columns);
  }
  return { a: { rows: rank, columns, values: a }, b: { rows, columns: rank, values: b } };
}

function subtractProjection(vector: Float64Array, unit: Float64Array): void {
  let product = 0;
  for (let i = 0; i < vector.length; i++) product += vector[i]! * unit[i]!;
  for (let i = 0; i < vector.length; i++) vector[i]! -= product * unit[i]!;
}

/** @returns the Euclidean length of every row: the magnitudes that DoRA begins with. */
export function rowLengths(matrix: Matrix): Float32Array {
  return Float32Array.from({ length: matrix.rows }, (_, row) => {
    let squares = 0;
    for (const value of rowOf(matrix, row)) squares += value * value;
    return Math.sqrt(squares);
  });
}

/**
 * A layer that fits what an initialization left of W0, as a plain LoRA on W0: the initial factors follow from
 * W0 and are taken off. They are unique as a product where singular values differ (PiSSA), or where the first
 * r columns are independent (OLoRA).
 */
export function ontoBase(
  layer: AdapterLayer,
  initialization: 'pissa' | 'olora',
  weights: Matrix,
): AdapterLayer {
  const rank = rankOf(layer);
  const initial =
    initialization === 'pissa' ? pissaFactors(weights, rank, layer.scale) : oloraFactors(weights, rank);
  return withoutInitial(layer, initial);
}
