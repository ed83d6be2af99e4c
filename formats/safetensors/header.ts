import type { StoredTensor } from '../../roofline/readers/safetensors.js';
import { shown } from '../format.js';
import { readDocument, SafetensorsError } from './json.js';

/** Bits of one element (safetensors/src/tensor.rs, Dtype::bitsize). */
const DTYPES = {
  4: ['F4'],
  6: ['F6_E2M3', 'F6_E3M2'],
  8: ['BOOL', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0'],
  16: ['I16', 'U16', 'F16', 'BF16'],
  32: ['I32', 'U32', 'F32'],
  64: ['C64', 'F64', 'I64', 'U64'],
};
export const DTYPE_BITS: ReadonlyMap<string, number> = new Map(
  Object.entries(DTYPES).flatMap(([bits, names]) => names.map((name) => [name, Number(bits)] as const)),
);

export interface SafetensorsTensor extends StoredTensor {
  /** As the format writes it: `BF16`. */
  readonly dtype: string;
  /** From the start of the file. */
  readonly offset: number;
}

export interface SafetensorsHeader {
  readonly fileBytes: number;
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their bytes. */
  readonly tensors: readonly SafetensorsTensor[];
}

export const LENGTH_BYTES = 8;
const METADATA = '__metadata__';
const MAX_DIMENSIONS = 8;

/**
 * Checks a header: every tensor's bytes follow from its type and shape, and together they cover the data
 * once, without gap or overlap (the format asks for that, so that no other content can hide in a file).
 * @throws SafetensorsError
 */
export function parseHeader(json: Uint8Array, fileBytes: number): SafetensorsHeader {
  const fields = record(readDocument(json), 'the header');
  const dataStart = LENGTH_BYTES + json.length;
  const metadata = new Map<string, string>();
  const tensors: SafetensorsTensor[] = [];
  for (const [name, value] of fields) {
    if (name === METADATA) {
      for (const [key, text] of record(value, METADATA)) {
        if (typeof text !== 'string') throw new SafetensorsError(`${METADATA}.${shown(key)} is no text`);
        metadata.set(key, text);
      }
    } else tensors.push(parseTensor(name, value, dataStart));
  }
  tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let expected = dataStart;
  for (const { name, offset, bytes } of tensors) {
    if (offset !== expected) {
      const kind = offset < expected ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw new SafetensorsError(
        `the tensor ${shown(name)} ${kind}: it begins at ${offset - dataStart} of the data, not at ${expected - dataStart}`,
      );
    }
    expected = offset + bytes;
  }
  if (expected > fileBytes)
    throw new SafetensorsError(`it is cut off: ${expected - fileBytes} of ${expected} bytes are missing`);
  if (expected < fileBytes)
    throw new SafetensorsError(`${fileBytes - expected} bytes behind the last tensor belong to none`);
  return { fileBytes, metadata, tensors };
}

function parseTensor(name: string, value: unknown, dataStart: number): SafetensorsTensor {
  const what = `the tensor ${shown(name)}`;
  const fields = record(value, what);
  const dtype = fields.get('dtype');
  if (typeof dtype !== 'string') throw new SafetensorsError(`${what} does not say its dtype`);
  const shape = numbers(fields.get('shape'), `the shape of ${what}`);
  if (shape.length > MAX_DIMENSIONS)
    throw new SafetensorsError(`${what} has ${shape.length} dimensions; ${MAX_DIMENSIONS} is the most`);
  const offsets = numbers(fields.get('data_offsets'), `the data_offsets of ${what}`);
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2 || begin > end)
    throw new SafetensorsError(`the data_offsets of ${what} are not a beginning and an end`);
  const bytes = bytesOfTensor(what, dtype, shape);
  if (end - begin !== bytes)
    throw new SafetensorsError(
      `${what} has ${end - begin} bytes, and ${dtype} [${shape.join(', ')}] needs ${bytes}`,
    );
  return { name, dtype, shape, bytes, offset: dataStart + begin };
}

/**
 * @param what names the tensor in errors.
 * @returns the bytes of a tensor. @throws SafetensorsError for an unknown type or a size no file can have.
 */
export function bytesOfTensor(what: string, dtype: string, shape: readonly number[]): number {
  const bits = DTYPE_BITS.get(dtype);
  if (bits === undefined) throw new SafetensorsError(`${what} has the unknown dtype ${shown(dtype)}`);
  // Each factor is exact up to 2^53 and the product is checked at every step, so nothing wraps around.
  let all = bits;
  for (const length of shape) {
    all *= length;
    if (!Number.isSafeInteger(all))
      throw new SafetensorsError(`${what} has more bytes than any file can hold`);
  }
  if (all % 8 !== 0) throw new SafetensorsError(`${what} has ${all} bits, which are no whole bytes`);
  return all / 8;
}

function numbers(value: unknown, what: string): readonly number[] {
  if (!Array.isArray(value)) throw new SafetensorsError(`${what} is no list`);
  for (const one of value) {
    if (!Number.isSafeInteger(one) || one < 0)
      throw new SafetensorsError(`${what} is no list of whole numbers`);
  }
  return value as number[];
}

/** An object's own fields; a map, so that names like `__proto__` are names. @throws SafetensorsError */
export function record(value: unknown, what: string): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SafetensorsError(`${what} is no object`);
  return new Map(Object.entries(value));
}
