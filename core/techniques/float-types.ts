import { bytesPerElement } from './tensor-types.js';

/** Float types of weights in files. Values are exchanged as float32, which holds each of them exactly. */
export type FloatType = 'f32' | 'f16' | 'bf16';

export const FLOAT_BYTES: Readonly<Record<FloatType, number>> = {
  f32: bytesPerElement('f32'),
  f16: bytesPerElement('f16'),
  bf16: bytesPerElement('bf16'),
};

export function isFloatType(type: string): type is FloatType {
  return Object.hasOwn(FLOAT_BYTES, type);
}

let halves: Float32Array | null = null;

/** @returns the value of every half-precision number (IEEE 754 binary16) by its bits. */
function halfValues(): Float32Array {
  halves ??= Float32Array.from({ length: 65_536 }, (_, bits) => {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const sign = bits >= 0x8000 ? -1 : 1;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
  return halves;
}

/**
 * @returns the bits of the nearest half-precision number, ties to even; infinity above 65504 and a half step.
 */
export function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
  }
  // Below 2^-14 a half has a fixed step of 2^-24.
  if (magnitude <= 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const rest = mantissa & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  const truncated = mantissa >>> shift;
  return sign | (rest > middle || (rest === middle && (truncated & 1) === 1) ? truncated + 1 : truncated);
}

/** @returns the bits of the nearest bfloat16 number, ties to even. */
export function brainBits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/**
 * Little-endian machines only, as GGUF readers are.
 * @param bytes whole values of the type.
 * @param values where they go; by default a new array.
 * @returns their values.
 */
export function decodeFloats(
  bytes: Uint8Array,
  type: FloatType,
  values: Float32Array = new Float32Array(bytes.length / FLOAT_BYTES[type]),
): Float32Array {
  const count = values.length;
  if (type === 'f32') {
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength).set(bytes);
    return values;
  }
  // A Buffer's own slice is no copy.
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes);
  const words = new Uint16Array(aligned.buffer, aligned.byteOffset, count);
  if (type === 'f16') {
    const table = halfValues();
    for (let i = 0; i < count; i++) values[i] = table[words[i]!]!;
    return values;
  }
  const bits = new Uint32Array(values.buffer, values.byteOffset, count);
  for (let i = 0; i < count; i++) bits[i] = words[i]! << 16;
  return values;
}

/** @returns the values as bytes of the type, each rounded to the nearest, ties to even; zeros stay zeros. */
export function encodeFloats(values: Float32Array, type: FloatType): Uint8Array {
  if (type === 'f32') return new Uint8Array(values.slice().buffer);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const words = new Uint16Array(values.length);
  const round = type === 'f16' ? halfBits : brainBits;
  for (let i = 0; i < bits.length; i++) words[i] = round(bits[i]!);
  return new Uint8Array(words.buffer);
}
