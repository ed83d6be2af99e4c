import { FLOAT_BYTES, type FloatType } from '../../core/techniques/float-types.js';

/** An element type of ONNX. */
export interface DataType {
  /** onnx.proto, TensorProto.DataType. */
  readonly number: number;
  readonly name: string;
  readonly bits: number;
}

/** Those of numbers; types of 4 bits lie two in a byte, the first in the low half. */
const TYPES: readonly DataType[] = [
  { number: 1, name: 'f32', bits: 32 },
  { number: 2, name: 'u8', bits: 8 },
  { number: 3, name: 'i8', bits: 8 },
  { number: 4, name: 'u16', bits: 16 },
  { number: 5, name: 'i16', bits: 16 },
  { number: 6, name: 'i32', bits: 32 },
  { number: 7, name: 'i64', bits: 64 },
  { number: 9, name: 'bool', bits: 8 },
  { number: 10, name: 'f16', bits: 16 },
  { number: 11, name: 'f64', bits: 64 },
  { number: 12, name: 'u32', bits: 32 },
  { number: 13, name: 'u64', bits: 64 },
  { number: 16, name: 'bf16', bits: 16 },
  { number: 17, name: 'f8e4m3fn', bits: 8 },
  { number: 18, name: 'f8e4m3fnuz', bits: 8 },
  { number: 19, name: 'f8e5m2', bits: 8 },
  { number: 20, name: 'f8e5m2fnuz', bits: 8 },
  { number: 21, name: 'u4', bits: 4 },
  { number: 22, name: 'i4', bits: 4 },
  { number: 23, name: 'f4e2m1', bits: 4 },
  { number: 24, name: 'f8e8m0', bits: 8 },
  { number: 25, name: 'u2', bits: 2 },
  { number: 26, name: 'i2', bits: 2 },
];

const BY_NUMBER = new Map(TYPES.map((type) => [type.number, type]));
const BY_NAME = new Map(TYPES.map((type) => [type.name, type]));

/** @returns null for a type that is none of numbers, or not known. */
export function dataType(number: number): DataType | null {
  return BY_NUMBER.get(number) ?? null;
}

/** Types that graphs are written with. */
export type NumberType = FloatType | 'u8' | 'i8' | 'i32' | 'i64';
export const NUMBER_BYTES: Readonly<Record<NumberType, number>> = {
  ...FLOAT_BYTES,
  u8: 1,
  i8: 1,
  i32: 4,
  i64: 8,
};

/** @returns ONNX's number of a type. */
export function typeNumber(name: NumberType): number {
  return BY_NAME.get(name)!.number;
}

/** @returns the type where it is a float that weights are stored in; null for all others. */
export function floatType(number: number): FloatType | null {
  const name = BY_NUMBER.get(number)?.name;
  return name === 'f32' || name === 'f16' || name === 'bf16' ? name : null;
}
