import { GgufError } from './reader.js';

/** gguf.h, enum gguf_type, with the bytes of one value. */
export const SCALARS = {
  u8: { number: 0, bytes: 1 },
  i8: { number: 1, bytes: 1 },
  u16: { number: 2, bytes: 2 },
  i16: { number: 3, bytes: 2 },
  u32: { number: 4, bytes: 4 },
  i32: { number: 5, bytes: 4 },
  f32: { number: 6, bytes: 4 },
  bool: { number: 7, bytes: 1 },
  u64: { number: 10, bytes: 8 },
  i64: { number: 11, bytes: 8 },
  f64: { number: 12, bytes: 8 },
} as const;
export const STRING = 8;
export const ARRAY = 9;

type ScalarType = keyof typeof SCALARS;
export type ElementType = ScalarType | 'string';
export type Element = number | bigint | boolean | string;

/** A metadata value with the type it has in the file: 64-bit integers are bigint, the rest plain values. */
export type GgufValue =
  | { readonly type: ElementType; readonly value: Element }
  | { readonly type: 'array'; readonly of: ElementType; readonly values: readonly Element[] }
  /** As it stands in another file, its type in front: copied without being understood. */
  | { readonly type: 'encoded'; readonly bytes: Uint8Array };

/**
 * @returns the value as a file holds it, its type in front.
 * @throws GgufError for one that its type cannot hold.
 */
export function encodeValue(value: GgufValue): Buffer {
  if (value.type === 'encoded') return Buffer.from(value.bytes);
  if (value.type !== 'array')
    return Buffer.concat([u32(typeNumber(value.type)), encodeElement(value.type, value.value)]);
  const head = [u32(ARRAY), u32(typeNumber(value.of)), u64(value.values.length)];
  return Buffer.concat([...head, ...value.values.map((element) => encodeElement(value.of, element))]);
}

/** The inverse of encodeValue. @throws GgufError when the bytes are not exactly one value. */
export function decodeValue(bytes: Buffer): GgufValue {
  try {
    const number = bytes.readUInt32LE(0);
    const [value, end] = number === ARRAY ? decodeArray(bytes) : decodeSingle(bytes, number);
    if (end !== bytes.length) throw new GgufError(`${bytes.length - end} bytes follow the value`);
    return value;
  } catch (error) {
    if (error instanceof RangeError) throw new GgufError('the value is cut off');
    throw error;
  }
}

function decodeSingle(bytes: Buffer, number: number): [GgufValue, number] {
  const type = typeOf(number);
  const [value, end] = decodeElement(type, bytes, 4);
  return [{ type, value }, end];
}

function decodeArray(bytes: Buffer): [GgufValue, number] {
  const of = typeOf(bytes.readUInt32LE(4));
  const count = Number(bytes.readBigUInt64LE(8));
  const values: Element[] = [];
  let at = 16;
  for (let i = 0; i < count; i++) {
    const [value, end] = decodeElement(of, bytes, at);
    values.push(value);
    at = end;
  }
  return [{ type: 'array', of, values }, at];
}

function encodeElement(type: ElementType, value: Element): Buffer {
  if (type === 'string') return text(String(value));
  const bytes = Buffer.alloc(SCALARS[type].bytes);
  try {
    if (type === 'bool') bytes.writeUInt8(value ? 1 : 0);
    else if (type === 'u64') bytes.writeBigUInt64LE(BigInt(value));
    else if (type === 'i64') bytes.writeBigInt64LE(BigInt(value));
    else if (type === 'f32') bytes.writeFloatLE(Number(value));
    else if (type === 'f64') bytes.writeDoubleLE(Number(value));
    else if (type.startsWith('u')) bytes.writeUIntLE(Number(value), 0, bytes.length);
    else bytes.writeIntLE(Number(value), 0, bytes.length);
  } catch (error) {
    throw new GgufError(`${String(value)} is no ${type}: ${(error as Error).message}`);
  }
  return bytes;
}

/** @returns one value, and where it ends. */
export function decodeElement(type: ElementType, bytes: Buffer, at: number): [Element, number] {
  if (type === 'string') {
    const length = Number(bytes.readBigUInt64LE(at));
    const end = at + 8 + length;
    if (end > bytes.length) throw new GgufError('the value is cut off');
    return [bytes.toString('utf8', at + 8, end), end];
  }
  const size = SCALARS[type].bytes;
  const end = at + size;
  if (type === 'bool') return [bytes.readUInt8(at) !== 0, end];
  if (type === 'u64') return [bytes.readBigUInt64LE(at), end];
  if (type === 'i64') return [bytes.readBigInt64LE(at), end];
  if (type === 'f32') return [bytes.readFloatLE(at), end];
  if (type === 'f64') return [bytes.readDoubleLE(at), end];
  return [type.startsWith('u') ? bytes.readUIntLE(at, size) : bytes.readIntLE(at, size), end];
}

function typeNumber(type: ElementType): number {
  return type === 'string' ? STRING : SCALARS[type].number;
}

function typeOf(number: number): ElementType {
  const type = number === STRING ? 'string' : scalarNumbered(number);
  if (type !== null) return type;
  throw new GgufError(`the value has the unknown type ${number}`);
}

/** @returns the type of a number; null for one that is no scalar's. */
export function scalarNumbered(number: number): ScalarType | null {
  const types = Object.keys(SCALARS) as ScalarType[];
  return types.find((type) => SCALARS[type].number === number) ?? null;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A string as GGUF writes it: its length in bytes, then UTF-8. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}
