import { Unreadable } from './reading.js';

/** A constant of a graph: onnx.proto, TensorProto. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Bits of an element, by its data_type; null for a type that is none of numbers, or not known. */
  readonly bits: number | null;
}

export interface OnnxNode {
  readonly kind: string;
  readonly inputs: readonly string[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, OnnxTensor>;
}

/** onnx.proto, TensorProto.DataType. */
const DATA_BITS: Readonly<Record<number, number>> = {
  1: 32,
  2: 8,
  3: 8,
  4: 16,
  5: 16,
  6: 32,
  7: 64,
  9: 8,
  10: 16,
  11: 64,
  12: 32,
  13: 64,
  16: 16,
  17: 8,
  18: 8,
  19: 8,
  20: 8,
  21: 4,
  22: 4,
};

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH = { node: 1, initializer: 5 } as const;
const NODE = { input: 1, kind: 4 } as const;
const TENSOR = { dimensions: 1, type: 2, name: 8 } as const;

interface Field {
  readonly number: number;
  /** A varint's value; 0 for other kinds. */
  readonly value: number;
  /** What a length-delimited field holds; empty for other kinds. */
  readonly bytes: Uint8Array;
}

/**
 * Reads nodes and constants of an ONNX model, without a weight: field by field of the protobuf wire format
 * (protobuf.dev/programming-guides/encoding), everything else stepped over.
 * @throws Unreadable when it is cut off or no ONNX model.
 */
export function readOnnxGraph(bytes: Uint8Array): OnnxGraph {
  const text = new TextDecoder();
  for (const { number, bytes: graph } of fields(bytes)) {
    if (number !== MODEL_GRAPH) continue;
    const nodes: OnnxNode[] = [];
    const constants = new Map<string, OnnxTensor>();
    for (const part of fields(graph)) {
      if (part.number === GRAPH.node) nodes.push(readNode(part.bytes, text));
      if (part.number !== GRAPH.initializer) continue;
      const tensor = readTensor(part.bytes, text);
      constants.set(tensor.name, tensor);
    }
    return { nodes, constants };
  }
  throw new Unreadable('the file holds no ONNX graph', 'Give an ONNX model.');
}

/** Without the browser's types the name is that of a value only. */
type Decoder = InstanceType<typeof TextDecoder>;

function readNode(bytes: Uint8Array, text: Decoder): OnnxNode {
  const inputs: string[] = [];
  let kind = '';
  for (const field of fields(bytes)) {
    if (field.number === NODE.input) inputs.push(text.decode(field.bytes));
    if (field.number === NODE.kind) kind = text.decode(field.bytes);
  }
  return { kind, inputs };
}

function readTensor(bytes: Uint8Array, text: Decoder): OnnxTensor {
  const shape: number[] = [];
  let name = '';
  let type = 0;
  for (const field of fields(bytes)) {
    if (field.number === TENSOR.name) name = text.decode(field.bytes);
    if (field.number === TENSOR.type) type = field.value;
    if (field.number !== TENSOR.dimensions) continue;
    // Packed (proto3) or one by one (proto2, as onnx.proto is).
    if (field.bytes.length === 0) shape.push(field.value);
    else
      for (let at = 0; at < field.bytes.length; ) at = varint(field.bytes, at, (value) => shape.push(value));
  }
  return { name, shape, bits: DATA_BITS[type] ?? null };
}

function* fields(bytes: Uint8Array): Generator<Field> {
  const empty = bytes.subarray(0, 0);
  let at = 0;
  while (at < bytes.length) {
    let key = 0;
    at = varint(bytes, at, (value) => {
      key = value;
    });
    const number = Math.floor(key / 8);
    let value = 0;
    let held = empty;
    switch (key % 8) {
      case 0:
        at = varint(bytes, at, (read) => {
          value = read;
        });
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        let length = 0;
        at = varint(bytes, at, (read) => {
          length = read;
        });
        held = bytes.subarray(at, at + length);
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Unreadable('the file is no ONNX model', 'Give an ONNX model.');
    }
    if (at > bytes.length) throw new Unreadable('the ONNX file is cut off', 'Get the file again.');
    yield { number, value, bytes: held };
  }
}

/** @returns where the next byte is. */
function varint(bytes: Uint8Array, start: number, give: (value: number) => void): number {
  let value = 0;
  for (let at = start, factor = 1; at < Math.min(bytes.length, start + 10); at++, factor *= 128) {
    const byte = bytes[at]!;
    value += (byte & 127) * factor;
    if (byte < 128) {
      give(value);
      return at + 1;
    }
  }
  throw new Unreadable('the ONNX file is cut off', 'Get the file again.');
}
