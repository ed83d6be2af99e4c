import { emptyMask, type Mask, packRow } from './mask.js';
import { type Matrix, rowOf } from './matrix.js';

/**
 * Magnitude over the whole matrix, as the published code has it: every weight up to and including the one at
 * position trunc(count · ratio) of the ascending order is pruned, so one more than asked, and all ties. Ratio
 * 0 prunes nothing and ratio 1 everything, where the published code prunes one weight and fails.
 */
export function selectByThreshold(weights: Matrix, ratio: number): Mask {
  const mask = emptyMask(weights.rows, weights.columns);
  const rank = Math.trunc(weights.values.length * ratio);
  if (ratio <= 0 || weights.values.length === 0) return mask;
  const threshold =
    rank >= weights.values.length ? Number.POSITIVE_INFINITY : valueAtRank(weights.values, rank);
  const flags = new Uint8Array(weights.columns);
  for (let row = 0; row < weights.rows; row++) {
    const values = rowOf(weights, row);
    for (let j = 0; j < values.length; j++) flags[j] = Math.abs(values[j]!) <= threshold ? 1 : 0;
    packRow(mask, row, flags);
  }
  return mask;
}

/**
 * @returns the absolute value at `index` of the ascending order of absolute values, without sorting them: a
 * histogram of the upper 16 bits, then one of the lower 16 of those that share them. NaN is not expected.
 */
export function valueAtRank(values: Float32Array, index: number): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const counts = new Uint32Array(1 << 16);
  for (let i = 0; i < bits.length; i++) counts[(bits[i]! >>> 16) & 0x7fff]!++;
  let rest = index;
  let upper = 0;
  while (rest >= counts[upper]!) rest -= counts[upper++]!;
  counts.fill(0);
  for (let i = 0; i < bits.length; i++) {
    if (((bits[i]! >>> 16) & 0x7fff) === upper) counts[bits[i]! & 0xffff]!++;
  }
  let lower = 0;
  while (rest >= counts[lower]!) rest -= counts[lower++]!;
  return new Float32Array(Uint32Array.of(((upper << 16) | lower) >>> 0).buffer)[0]!;
}
