import { FormatError } from '../../../formats/format.js';
import type { LocatedTensor } from '../../../formats/safetensors/reader.js';

/** @returns a reader of the number at a place of a word, the lowest bits first; numbers are from 0 on. */
export function rowsOfInts(bytes: Uint8Array, bits: number): (word: number, place: number) => number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const mask = 2 ** bits - 1;
  return (word, place) => (words[word]! >>> (place * bits)) & mask;
}

/** Values of 8 bits by their bits: E4M3 without infinities (arXiv 2209.05433), E5M2, or whole numbers. */
const TABLES: Readonly<Record<string, Float32Array>> = {
  F8_E4M3: table((exponent, mantissa) => {
    if (exponent === 15 && mantissa === 7) return Number.NaN;
    return exponent === 0 ? (mantissa / 8) * 2 ** -6 : (1 + mantissa / 8) * 2 ** (exponent - 7);
  }, 3),
  F8_E5M2: table((exponent, mantissa) => {
    if (exponent === 31) return mantissa === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
    return exponent === 0 ? (mantissa / 4) * 2 ** -14 : (1 + mantissa / 4) * 2 ** (exponent - 15);
  }, 2),
  I8: Float32Array.from({ length: 256 }, (_, bits) => (bits << 24) >> 24),
};

function table(value: (exponent: number, mantissa: number) => number, mantissaBits: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, bits) => {
    const mantissa = bits & (2 ** mantissaBits - 1);
    const exponent = (bits & 0x7f) >> mantissaBits;
    return (bits >= 128 ? -1 : 1) * value(exponent, mantissa);
  });
}

/** @returns the values of bytes of a tensor. @throws FormatError for a type of other bits. */
export function eightBitFloats({ name, dtype }: LocatedTensor, bytes: Uint8Array): Float32Array {
  const values = TABLES[dtype];
  const known = Object.keys(TABLES).join(' or ');
  if (values === undefined)
    throw new FormatError(`its quantized tensor ${name} is ${dtype}, and should be ${known}`);
  return Float32Array.from(bytes, (byte) => values[byte]!);
}
