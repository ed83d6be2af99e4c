/** Types of weights that arithmetic can be done on without losing more than the type's own rounding. */
export const FLOAT_TYPES = ['f32', 'f16', 'bf16'] as const;
export type FloatType = (typeof FLOAT_TYPES)[number];

export const BYTES_OF: Readonly<Record<FloatType, number>> = { f32: 4, f16: 2, bf16: 2 };

export function isFloatType(type: string): type is FloatType {
  return (FLOAT_TYPES as readonly string[]).includes(type);
}

/**
 * @param bytes whole weights, little-endian, at any alignment.
 * @returns the weights; f16 and bf16 fit into f32 exactly.
 */
export function decodeFloats(type: FloatType, bytes: Uint8Array): Float32Array {
  // A copy: a Buffer begins anywhere in memory that it shares.
  const { buffer } = new Uint8Array(bytes);
  if (type === 'f32') return new Float32Array(buffer);
  const halves = new Uint16Array(buffer);
  const floats = new Float32Array(halves.length);
  if (type === 'f16') {
    for (let i = 0; i < halves.length; i++) floats[i] = HALVES[halves[i]!]!;
    return floats;
  }
  const words = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return floats;
}

/** @returns the bytes of weights in a type, each rounded to the nearest number it has, ties to even; too large is infinite. */
export function encodeFloats(type: FloatType, floats: Float32Array): Uint8Array {
  if (type === 'f32') return new Uint8Array(floats.slice().buffer);
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  const round = type === 'f16' ? halfOf : brainOf;
  for (let i = 0; i < words.length; i++) halves[i] = round(words[i]!);
  return new Uint8Array(halves.buffer);
}

/** From the bits of an f32 to those of an IEEE 754 half. */
function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From 65520 on the nearest half would be above the largest.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // 2^-14, the least normal half: the exponent's bias goes from 127 to 15, 13 bits of mantissa go.
  if (magnitude >= 0x38800000)
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  if (magnitude < 0x33000000) return sign;
  // Below, halves are multiples of 2^-24.
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const rest = mantissa & ((1 << shift) - 1);
  const whole = mantissa >>> shift;
  const middle = 1 << (shift - 1);
  return sign | (rest > middle || (rest === middle && (whole & 1) === 1) ? whole + 1 : whole);
}

function brainOf(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The value of every half by its bits. */
const HALVES = Float32Array.from({ length: 65_536 }, (_, bits) => {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
});
