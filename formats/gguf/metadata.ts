import { shown } from '../format.js';
import type { Span } from '../tensor-data.js';
import { GgufError, type HeaderReader } from './reader.js';
import { ARRAY, decodeElement, SCALARS, STRING, scalarNumbered } from './value.js';

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
  const of = scalarNumbered(type);
  if (of === null) throw new GgufError(`${key} has elements of the unknown type ${type}`);
  if (count > MAX_KEPT_VALUES) {
    reader.skip(count * SCALARS[of].bytes, key);
    return { count, values: null };
  }
  return { count, values: Array.from({ length: count }, () => Number(readScalar(reader, type, key))) };
}

function readScalar(reader: HeaderReader, type: number, key: string): number | boolean {
  const of = scalarNumbered(type);
  if (of === null) throw new GgufError(`${key} has the unknown type ${type}`);
  const [value] = decodeElement(of, reader.bytes(SCALARS[of].bytes, key), 0);
  return typeof value === 'boolean' ? value : Number(value);
}

/** @returns the text under a key; null where there is none, or none that is kept. */
export function textAt(metadata: Metadata, key: string): string | null {
  const value = metadata.get(key);
  return typeof value === 'string' ? value : null;
}
