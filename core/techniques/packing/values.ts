import { encodeFloats, FLOAT_BYTES, type FloatType } from '../float-types.js';

/** Types that the kept weights of a packed matrix can have; int8 has one f32 scale for each row. */
export const PACKED_TYPES = ['f32', 'f16', 'bf16', 'int8'] as const;
export type PackedType = (typeof PACKED_TYPES)[number];

/** Kept weights, one after the other, in their type. */
export interface PackedValues {
  readonly type: PackedType;
  readonly bytes: Uint8Array;
  /** int8: what the integers of each row are multiplied by; null for floats. */
  readonly scales: Float32Array | null;
}

export function valueBits(type: PackedType): number {
  return type === 'int8' ? 8 : FLOAT_BYTES[type as FloatType] * 8;
}

/**
 * @param nonZero the kept weights of all rows in order.
 * @param starts where the weights of each row begin, and at last their number.
 * int8: round(w / scale), scale = max |w| of the row / 127, so a weight is off by half a scale at most.
 */
export function packValues(nonZero: Float32Array, starts: Uint32Array, type: PackedType): PackedValues {
  if (type !== 'int8') return { type, bytes: encodeFloats(nonZero, type), scales: null };
  const rows = starts.length - 1;
  const scales = new Float32Array(rows);
  const integers = new Int8Array(nonZero.length);
  for (let row = 0; row < rows; row++) {
    let most = 0;
    for (let i = starts[row]!; i < starts[row + 1]!; i++) most = Math.max(most, Math.abs(nonZero[i]!));
    const scale = Math.fround(most / 127);
    scales[row] = scale;
    if (scale === 0) continue;
    for (let i = starts[row]!; i < starts[row + 1]!; i++) {
      integers[i] = Math.max(-127, Math.min(127, Math.round(nonZero[i]! / scale)));
    }
  }
  return { type, bytes: new Uint8Array(integers.buffer), scales };
}
