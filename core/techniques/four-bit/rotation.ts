import type { Hessian } from '../pruning/hessian.js';
import type { Matrix } from '../pruning/matrix.js';

/**
 * What weights are multiplied by along the inputs of a layer before they are rounded, so that outliers are
 * spread over many. `block32`: Hadamard matrices of 32 inputs each (arXiv 2509.23202). `whole`: one rotation
 * of all inputs, a Hadamard matrix of the greatest power of two that divides them, times a cosine transform
 * of the rest.
 */
export const ROTATIONS = ['none', 'block32', 'whole'] as const;
export type RotationName = (typeof ROTATIONS)[number];

/** Inputs of a rotation of blocks. */
export const ROTATED_BLOCK = 32;

/** An orthonormal R, inputs × inputs, applied in place. */
export interface Rotation {
  /** @param values rows of that many inputs. Each row w becomes w R. */
  forward(values: Float32Array | Float64Array): void;
  /** Each row w becomes w Rᵀ. */
  backward(values: Float32Array | Float64Array): void;
}

/**
 * @param columns inputs of the layer; multiples of 32 for `block32`.
 * @returns null where nothing is rotated.
 */
export function rotationOf(name: RotationName, columns: number): Rotation | null {
  if (name === 'none') return null;
  if (name === 'block32') {
    const block = hadamard(ROTATED_BLOCK);
    return { forward: block, backward: block };
  }
  // Of the bits of a number and of its negative the lowest that is set is the one in common.
  const power = columns & -columns;
  const mix = hadamard(power);
  const rest = cosines(columns / power);
  const mixGroups = (values: Float32Array | Float64Array, transposed: boolean) => {
    for (let row = 0; row < values.length; row += columns)
      multiplyAcross(values.subarray(row, row + columns), rest, power, transposed);
  };
  return {
    forward(values) {
      mix(values);
      mixGroups(values, false);
    },
    backward(values) {
      mixGroups(values, true);
      mix(values);
    },
  };
}

/** @returns the rotated weights; the given ones are not changed. */
export function rotated({ rows, columns, values }: Matrix, rotation: Rotation): Matrix {
  const copy = values.slice();
  rotation.forward(copy);
  return { rows, columns, values: copy };
}

/** @returns Rᵀ H R, what rotated inputs have for a Hessian, whole; the given one is not changed. */
export function rotatedHessian({ columns, values }: Hessian, rotation: Rotation): Hessian {
  const whole = values.slice();
  mirror(whole, columns);
  // H R, then (H R)ᵀ R = Rᵀ H R, for H is symmetric.
  rotation.forward(whole);
  transpose(whole, columns);
  rotation.forward(whole);
  return { columns, values: whole };
}

/** Of a Hessian only the upper triangle is read. */
function mirror(values: Float64Array, columns: number): void {
  for (let i = 1; i < columns; i++)
    for (let j = 0; j < i; j++) values[i * columns + j] = values[j * columns + i]!;
}

function transpose(values: Float64Array, columns: number): void {
  for (let i = 1; i < columns; i++)
    for (let j = 0; j < i; j++) {
      const below = values[i * columns + j]!;
      values[i * columns + j] = values[j * columns + i]!;
      values[j * columns + i] = below;
    }
}

/**
 * @param length a power of two.
 * @returns the fast Walsh-Hadamard transform of every `length` values, its own inverse.
 */
function hadamard(length: number): (values: Float32Array | Float64Array) => void {
  const scale = 1 / Math.sqrt(length);
  const block = new Float64Array(length);
  return (values) => {
    for (let start = 0; start < values.length; start += length) {
      block.set(values.subarray(start, start + length));
      for (let half = 1; half < length; half *= 2)
        for (let pair = 0; pair < length; pair += 2 * half)
          for (let i = pair; i < pair + half; i++) {
            const [a, b] = [block[i]!, block[i + half]!];
            block[i] = a + b;
            block[i + half] = a - b;
          }
      for (let i = 0; i < length; i++) values[start + i] = scale * block[i]!;
    }
  };
}

/** @returns the orthonormal cosine transform (DCT-II) of a length, row-major. */
function cosines(length: number): Float64Array {
  const matrix = new Float64Array(length * length);
  for (let i = 0; i < length; i++)
    for (let j = 0; j < length; j++)
      matrix[i * length + j] =
        Math.sqrt((j === 0 ? 1 : 2) / length) * Math.cos((Math.PI * (2 * i + 1) * j) / (2 * length));
  return matrix;
}

/**
 * Mixes values that are `stride` apart: of `n` such groups each becomes the products with a matrix of n × n.
 */
function multiplyAcross(
  values: Float32Array | Float64Array,
  matrix: Float64Array,
  stride: number,
  transposed: boolean,
): void {
  const count = values.length / stride;
  if (count === 1) return;
  const mixed = new Float64Array(count);
  for (let at = 0; at < stride; at++) {
    mixed.fill(0);
    for (let i = 0; i < count; i++) {
      const value = values[at + i * stride]!;
      for (let j = 0; j < count; j++)
        mixed[j]! += value * matrix[transposed ? j * count + i : i * count + j]!;
    }
    for (let j = 0; j < count; j++) values[at + j * stride] = mixed[j]!;
  }
}
