import type { Matrix } from '../pruning/matrix.js';
import type { AdapterLayer } from './adapter.js';

/** B0 and A0 of an adapter before its first step. */
export type InitialFactors = Pick<AdapterLayer, 'a' | 'b'>;

/**
 * A layer that fits W0 − scale · B0 · A0 (PiSSA, OLoRA) as a plain LoRA on W0 of rank 2r: [B, −B0] · [A; A0]
 * (PiSSA, arXiv 2404.02948, appendix on converting to LoRA).
 */
export function withoutInitial(layer: AdapterLayer, initial: InitialFactors): AdapterLayer {
  const { a, b } = layer;
  return {
    ...layer,
    a: { ...a, rows: a.rows + initial.a.rows, values: joined(a.values, initial.a.values) },
    b: concatenateColumns(b, { ...initial.b, values: initial.b.values.map((value) => -value) }),
  };
}

/**
 * VeRA (arXiv 2310.11454): W0 + diag(λb) B diag(λd) A with matrices that all layers share, of which each
 * takes the first `in` columns of A and the first `out` rows of B. That is a LoRA of scale 1.
 * @param lambdaB `out` values. @param lambdaD r values.
 */
export function veraLayer(
  sharedA: Matrix,
  sharedB: Matrix,
  lambdaB: Float32Array,
  lambdaD: Float32Array,
  columns: number,
): AdapterLayer {
  const rank = lambdaD.length;
  const a = new Float32Array(rank * columns);
  for (let k = 0; k < rank; k++) {
    for (let i = 0; i < columns; i++)
      a[k * columns + i] = lambdaD[k]! * sharedA.values[k * sharedA.columns + i]!;
  }
  const b = new Float32Array(lambdaB.length * rank);
  for (let row = 0; row < lambdaB.length; row++) {
    for (let k = 0; k < rank; k++)
      b[row * rank + k] = lambdaB[row]! * sharedB.values[row * sharedB.columns + k]!;
  }
  return {
    a: { rows: rank, columns, values: a },
    b: { rows: lambdaB.length, columns: rank, values: b },
    scale: 1,
    magnitude: null,
  };
}

/** Moves what a format cannot say of a scale into B. @returns a layer of that scale with the same B · A. */
export function withScale(layer: AdapterLayer, scale: number): AdapterLayer {
  if (layer.scale === scale) return layer;
  const factor = layer.scale / scale;
  return { ...layer, scale, b: { ...layer.b, values: layer.b.values.map((value) => value * factor) } };
}

/** The other way round: rows become columns. */
export function transposed({ rows, columns, values }: Matrix): Matrix {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) turned[i * rows + row] = values[row * columns + i]!;
  }
  return { rows: columns, columns: rows, values: turned };
}

function joined(above: Float32Array, below: Float32Array): Float32Array {
  const values = new Float32Array(above.length + below.length);
  values.set(above);
  values.set(below, above.length);
  return values;
}

function concatenateColumns(left: Matrix, right: Matrix): Matrix {
  const columns = left.columns + right.columns;
  const values = new Float32Array(left.rows * columns);
  for (let row = 0; row < left.rows; row++) {
    values.set(left.values.subarray(row * left.columns, (row + 1) * left.columns), row * columns);
    values.set(
      right.values.subarray(row * right.columns, (row + 1) * right.columns),
      row * columns + left.columns,
    );
  }
  return { rows: left.rows, columns, values };
}
