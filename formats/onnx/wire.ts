import { readSync } from 'node:fs';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FormatError } from '../format.js';

/** Says in a sentence why a file cannot be an ONNX model; the caller adds which file. */
export class OnnxError extends FormatError {
  override readonly name = 'OnnxError';
}

/** A field of a message that lies in a file. */
export interface Field {
  readonly number: number;
  /** A varint's value; 0 of other kinds. */
  readonly value: number;
  /** Where it begins, its key included. */
  readonly start: number;
  /** Where what it holds begins. */
  readonly offset: number;
  /** Of what it holds. */
  readonly bytes: number;
  /** It holds bytes, text or a message. */
  readonly delimited: boolean;
}

/** Field numbers of onnx.proto that are read or written. */
export const MODEL = { irVersion: 1, producer: 2, graph: 7, opset: 8 } as const;
export const OPSET = { domain: 1, version: 2 } as const;
export const GRAPH = { node: 1, name: 2, constant: 5, input: 11, output: 12, valueInfo: 13 } as const;
export const NODE = { input: 1, output: 2, name: 3, kind: 4, attribute: 5, domain: 7 } as const;
export const ATTRIBUTE = {
  name: 1,
  float: 2,
  int: 3,
  text: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  graphs: 11,
  kind: 20,
} as const;
export const TENSOR = {
  dimension: 1,
  type: 2,
  floats: 4,
  name: 8,
  raw: 9,
  external: 13,
  location: 14,
} as const;
export const VALUE = { name: 1, type: 2 } as const;
export const TYPE = { tensor: 1 } as const;
export const TENSOR_TYPE = { element: 1, shape: 2 } as const;
export const SHAPE = { dimension: 1 } as const;
export const DIMENSION = { value: 1, name: 2 } as const;
export const ENTRY = { key: 1, value: 2 } as const;

/**
 * Messages that lead to tensors, by the fields that do: constants of a graph are some of them, attributes of
 * nodes others.
 */
export const TENSORS_IN = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparseTensor' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparseTensor', 23: 'sparseTensor' },
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
  tensor: {},
} as const satisfies Readonly<Record<string, Readonly<Record<number, string>>>>;
export type TensorsIn = keyof typeof TENSORS_IN;

/** The longest key and length of a field. */
const FRONT_BYTES = 20;

/** A graph without its weights is thousands of short messages that follow each other. */
const WINDOW_BYTES = 65_536;

/** A file that is read in windows, so that fields beside each other are one read. */
export class WindowedFile {
  readonly #descriptor: number;
  readonly #window = Buffer.alloc(WINDOW_BYTES);
  #start = 0;
  #length = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * @returns up to so many bytes from a place on, fewer at the end of the file: valid until the next call.
   */
  bytesAt(offset: number, bytes: number): Buffer {
    if (bytes > WINDOW_BYTES) {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(this.#descriptor, buffer, 0, bytes, offset));
    }
    const isInside = offset >= this.#start && offset + bytes <= this.#start + this.#length;
    if (!isInside) {
      this.#start = offset;
      this.#length = readSync(this.#descriptor, this.#window, 0, WINDOW_BYTES, offset);
    }
    const from = offset - this.#start;
    return this.#window.subarray(from, Math.min(from + bytes, this.#length));
  }
}

/** Goes over the fields of a message that lies in a file; what they hold is not read. @throws OnnxError */
export function* fieldsIn(file: WindowedFile, offset: number, bytes: number): Generator<Field> {
  const end = offset + bytes;
  for (let at = offset; at < end; ) {
    const front = file.bytesAt(at, Math.min(FRONT_BYTES, end - at));
    const field = decoded(() => fieldAt(new BinaryReader(front), at));
    at = field.offset + field.bytes;
    if (at > end) throw new OnnxError('the ONNX file is cut off');
    yield field;
  }
}

function fieldAt(reader: BinaryReader, start: number): Field {
  const [number, wire] = reader.tag();
  const held = (bytes: number) => ({ number, value: 0, start, offset: start + reader.pos, bytes });
  switch (wire) {
    case WireType.Varint: {
      const value = Number(reader.int64());
      return { ...held(0), value, delimited: false };
    }
    case WireType.Bit64:
      return { ...held(8), delimited: false };
    case WireType.Bit32:
      return { ...held(4), delimited: false };
    case WireType.LengthDelimited: {
      const bytes = Number(reader.uint64());
      return { ...held(bytes), delimited: true };
    }
    default:
      throw new OnnxError('the file is no ONNX model', 'Give an ONNX model.');
  }
}

/** A field of a message that was read whole. */
export interface HeldField extends Pick<Field, 'number' | 'value' | 'delimited'> {
  /** What it holds; of a varint nothing. */
  readonly held: Uint8Array;
  /** All of it, its key included. */
  readonly whole: Uint8Array;
}

/** @returns the fields of a message. @throws OnnxError */
export function fieldsOf(message: Uint8Array): HeldField[] {
  const fields: HeldField[] = [];
  for (let at = 0; at < message.length; ) {
    const front = new BinaryReader(message.subarray(at, at + FRONT_BYTES));
    const { offset, bytes, start, ...field } = decoded(() => fieldAt(front, at));
    at = offset + bytes;
    if (at > message.length) throw new OnnxError('the ONNX file is cut off');
    fields.push({ ...field, held: message.subarray(offset, at), whole: message.subarray(start, at) });
  }
  return fields;
}

/** @returns what is left of a message without some of its fields. */
export function withoutFields(
  fields: readonly HeldField[],
  known: Readonly<Record<string, number>>,
): Uint8Array {
  const numbers = new Set(Object.values(known));
  return Buffer.concat(fields.filter(({ number }) => !numbers.has(number)).map(({ whole }) => whole));
}

/**
 * @returns whole numbers of a field that may be packed (proto3) or stand one by one (proto2, as onnx.proto
 *   is).
 */
export function numbersOf({ value, held, delimited }: HeldField): number[] {
  if (!delimited) return [value];
  return decoded(() => {
    const reader = new BinaryReader(held);
    const numbers: number[] = [];
    while (reader.pos < reader.len) numbers.push(Number(reader.int64()));
    return numbers;
  });
}

export const textOf = (held: Uint8Array): string => Buffer.from(held).toString('utf8');

function decoded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new OnnxError('the ONNX file is cut off');
  }
}

/** Writes messages: fields that are empty are left out. */
export class Message {
  readonly #writer = new BinaryWriter();

  int(number: number, value: number): this {
    this.#writer.tag(number, WireType.Varint).int64(value);
    return this;
  }

  float(number: number, value: number): this {
    this.#writer.tag(number, WireType.Bit32).float(value);
    return this;
  }

  text(number: number, value: string): this {
    if (value !== '') this.#writer.tag(number, WireType.LengthDelimited).string(value);
    return this;
  }

  /** Also where it is empty: a list counts its entries. */
  entry(number: number, value: string | Uint8Array): this {
    this.#writer.tag(number, WireType.LengthDelimited);
    if (typeof value === 'string') this.#writer.string(value);
    else this.#writer.bytes(value);
    return this;
  }

  /** Fields as they stand. */
  raw(fields: Uint8Array): this {
    this.#writer.raw(fields);
    return this;
  }

  /** The key and the length of a field whose bytes follow elsewhere. */
  front(number: number, bytes: number): this {
    this.#writer.tag(number, WireType.LengthDelimited).uint64(bytes);
    return this;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}
