import { NUMBER_BYTES, type NumberType, typeNumber } from './types.js';

/** A constant of a graph: onnx.proto, TensorProto. */
export interface OnnxTensor {
  readonly name: string;
  /** TensorProto.DataType: types.ts. */
  readonly type: number;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  /** Of its data. */
  readonly bytes: number;
  /**
   * Little-endian, in chunks of any size, asked for when its turn comes; null = it is in `rest`, number by
   * number.
   */
  readonly data: (() => AsyncIterable<Uint8Array> | Iterable<Uint8Array>) | null;
  /** Fields of its message that are none of the above, as they stand in the file. */
  readonly rest?: Uint8Array;
}

/** @returns a constant of a known type. */
export function constant(
  name: string,
  type: NumberType,
  shape: readonly number[],
  data: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): OnnxTensor {
  const elements = shape.reduce((product, length) => product * length, 1);
  return { name, type: typeNumber(type), shape, bytes: elements * NUMBER_BYTES[type], data };
}

/** What goes into a graph or comes out of it. */
export interface OnnxValue {
  readonly name: string;
  /** TensorProto.DataType; null = it is no tensor. */
  readonly type: number | null;
  /**
   * A number, the name of a dimension, or null where nothing is said; null in all = nothing is said of its
   * rank.
   */
  readonly shape: readonly (number | string | null)[] | null;
  /** Its ValueInfoProto as it stands; left out = it is written of the above. */
  readonly encoded?: Uint8Array;
}

/** One operation: onnx.proto, NodeProto. */
export interface OnnxNode {
  readonly name: string;
  /** `MatMul`. */
  readonly kind: string;
  /** '' = ONNX's own. */
  readonly domain: string;
  /** '' = an optional one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** By name, each an AttributeProto: attributes.ts. */
  readonly attributes: ReadonlyMap<string, Uint8Array>;
  /** Fields of its message that are none of the above. */
  readonly rest?: Uint8Array;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Types of values on the way, each a ValueInfoProto. */
  readonly valueInfo: readonly Uint8Array[];
  /** Fields of its message that are none of the above. */
  readonly rest: Uint8Array;
}

/** onnx.proto, ModelProto. */
export interface OnnxModel {
  readonly irVersion: number;
  /** Version of the operators of each domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: OnnxGraph;
  /** Fields of its message that are none of the above. */
  readonly rest: Uint8Array;
}

/** Operators that ONNX Runtime adds to ONNX's own. */
export const CONTRIB = 'com.microsoft';
/**
 * Inputs by which a caller of a decoder says of how many last tokens it wants logits: our exports and
 * onnxruntime-genai, transformers.
 */
export const KEPT_LOGITS = ['num_logits_to_keep', 'logits_to_keep'] as const;
/** What a graph is called in a folder of its own. */
export const GRAPH_FILE = 'model.onnx';
/** Beside a graph: by what onnxruntime-genai runs it. */
export const GENAI_CONFIG = 'genai_config.json';
/**
 * Beside a graph: a GGUF without weights, which has the vocabulary of the model that the graph was made of.
 */
export const VOCABULARY_FILE = 'tokenizer.gguf';
