import type { Span } from '../tensor-data.js';
import { GgufError, type HeaderReader } from './reader.js';

export type Scalar = string | number | boolean;

/** An array's values are kept only when they are few numbers (head counts per layer, not vocabularies). */
export interface ArrayValue {
  readonly count: number;
  readonly values: readonly number[] | null;
}

/** Keys in file order; a string too long to matter here is null. */
export type Metadata = ReadonlyMap<string, Scalar | ArrayValue | null>;

const MAX_KEYS = 16_384;
const MAX_KEY_BYTES = 4096;
const MAX_STRING_BYTES = 64 * 1024;
const MAX_KEPT_VALUES = 4096;
const MAX_ARRAY = 2 ** 24;

/** gguf.h, enum gguf_type. */
const STRING = 8;
const ARRAY = 9;
const BOOL = 7;
const SIZES: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [BOOL, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);

/** Reads the key/value part of a header, and where each value lies. @throws GgufError */
export function readMetadata(
  reader: HeaderReader,
  count: number,
): { readonly metadata: Metadata; readonly spans: ReadonlyMap<string, Span> } {
  if (count > MAX_KEYS)
    throw new GgufError(`it claims ${count} metadata keys; ${MAX_KEYS} is the most there can be`);
  const metadata = new Map<string, Scalar | ArrayValue | null>();
  const spans = new Map<string, Span>();
  for (let i = 0; i < count; i++) {
    const key = reader.string(MAX_KEY_BYTES, `the name of metadata key ${i + 1}`);
    if (key === null)
      throw new GgufError(`the name of metadata key ${i + 1} is longer than ${MAX_KEY_BYTES} bytes`);
    if (metadata.has(key)) throw new GgufError(`the metadata key ${shown(key)} is there twice`);
    const offset = reader.position;
    metadata.set(key, readValue(reader, reader.u32(`the type of ${shown(key)}`), shown(key)));
    spans.set(key, { offset, bytes: reader.position - offset });
  }
  return { metadata, spans };
}

function readValue(reader: HeaderReader, type: number, key: string): Scalar | ArrayValue | null {
  if (type === STRING) return reader.string(MAX_STRING_BYTES, key);
  if (type === ARRAY) return readArray(reader, key);
  return readScalar(reader, type, key);
}

function readArray(reader: HeaderReader, key: string): ArrayValue {
  const type = reader.u32(`the element type of ${key}`);
  const count = reader.u64(`the length of ${key}`);
  if (count > MAX_ARRAY)
    throw new GgufError(`${key} claims ${count} elements; ${MAX_ARRAY} is the most there can be`);
  if (type === STRING) {
    reader.skipStrings(count, `an entry of ${key}`);
    return { count, values: null };
  }
  const size = SIZES.get(type);
  if (size === undefined) throw new GgufError(`${key} has elements of the unknown type ${type}`);
  if (count > MAX_KEPT_VALUES) {
    reader.skip(count * size, key);
    return { count, values: null };
  }
  return { count, values: Array.from({ length: count }, () => Number(readScalar(reader, type, key))) };
}

function readScalar(reader: HeaderReader, type: number, key: string): number | boolean {
  const size = SIZES.get(type);
  if (size === undefined) throw new GgufError(`${key} has the unknown type ${type}`);
  const bytes = reader.bytes(size, key);
  switch (type) {
    case 0:
      return bytes.readUInt8();
    case 1:
      return bytes.readInt8();
    case 2:
      return bytes.readUInt16LE();
    case 3:
      return bytes.readInt16LE();
    case 4:
      return bytes.readUInt32LE();
    case 5:
      return bytes.readInt32LE();
    case 6:
      return bytes.readFloatLE();
    case BOOL:
      return bytes.readUInt8() !== 0;
    case 10:
      return Number(bytes.readBigUInt64LE());
    case 11:
      return Number(bytes.readBigInt64LE());
    default:
      return bytes.readDoubleLE();
  }
}

/** A damaged name must not fill the screen or steer the terminal. */
export function shown(name: string): string {
  const printable = name.replace(/[^\x20-\x7e]/g, '?');
  return printable.length > 60 ? `${printable.slice(0, 57)}...` : printable;
}
