import { ACTIVATION_OPERATIONS } from '../../../core/roofline/pass/elementwise.js';
import { SOFTMAX_OPERATIONS } from '../../../core/roofline/pass/scores.js';
import type { GraphNode } from '../../../core/roofline/profile/nodes.js';
import { bytesPerElement } from '../../../core/roofline/tensor-types.js';

/** What one node of ggml's graph computes and moves, by its shapes and types alone. */
export interface NodeCount {
  readonly flops: number;
  readonly bytes: number;
}

type Source = GraphNode['sources'][number];

/**
 * Counts a node as ggml's CPU kernels compute it (ggml-cpu/ops.cpp): every element of the result, whatever a mask hides;
 * what it reads and writes once. Row numbers, positions and masks are left out. An exponential is one operation, as in pass/elementwise.ts.
 */
export function countNode(node: GraphNode): NodeCount {
  const [first, second] = node.sources;
  const written = bytesOf(node);
  const read = (first === undefined ? 0 : bytesOf(first)) + (second === undefined ? 0 : bytesOf(second));
  const elements = elementsOf(node);
  const moved = { flops: 0, bytes: written + read };
  switch (node.op) {
    case 'MUL_MAT':
      return { flops: 2 * (first?.shape[0] ?? 0) * elements, bytes: written + read };
    case 'MUL_MAT_ID':
      return chosen(node, first, second);
    case 'FLASH_ATTN_EXT':
      return flash(node, first, second);
    // Rows are taken from one and their numbers from the other: as many elements are read as are written.
    case 'GET_ROWS':
      return { flops: 0, bytes: written + elements * bytesPer(first) };
    // The result is a view of everything; only the rows that are given are written.
    case 'SET_ROWS':
      return first === undefined
        ? moved
        : { flops: 0, bytes: bytesOf(first) + elementsOf(first) * bytesPer(node) };
    case 'ROPE':
      return { flops: 3 * elements, bytes: written + (first === undefined ? 0 : bytesOf(first)) };
    case 'RMS_NORM':
      return { flops: 3 * elements, bytes: moved.bytes };
    case 'NORM':
      return { flops: 5 * elements, bytes: moved.bytes };
    // The mask is the second source.
    case 'SOFT_MAX':
      return {
        flops: SOFTMAX_OPERATIONS * elements,
        bytes: written + (first === undefined ? 0 : bytesOf(first)),
      };
    case 'GLU':
      return { flops: (activationOf(node) + 1) * elements, bytes: moved.bytes };
    case 'UNARY':
      return { flops: activationOf(node) * elements, bytes: moved.bytes };
    case 'ADD':
    case 'SUB':
    case 'MUL':
    case 'DIV':
    case 'SCALE':
    case 'CLAMP':
      return { flops: elements, bytes: moved.bytes };
    case 'SUM_ROWS':
      return { flops: first === undefined ? 0 : elementsOf(first), bytes: moved.bytes };
    // Copies, sorting, joining: bytes alone.
    default:
      return moved;
  }
}

/** Experts that were chosen: at most as many as there are choices, all of them where choices abound. */
function chosen(node: GraphNode, experts: Source | undefined, input: Source | undefined): NodeCount {
  if (experts === undefined || input === undefined) return { flops: 0, bytes: 0 };
  const [inputs = 0, outputs = 0, count = 1] = experts.shape;
  const choices = (node.shape[1] ?? 1) * (node.shape[2] ?? 1);
  const weights = Math.min(count, choices) * inputs * outputs * bytesPer(experts);
  return {
    flops: 2 * inputs * elementsOf(node),
    bytes: weights + choices * inputs * bytesPer(input) + bytesOf(node),
  };
}

/** Q [dk, q, heads], K [dk, keys, K/V heads]; the result is [dv, heads, q]. V has K's type and as many rows. */
function flash(node: GraphNode, query: Source | undefined, key: Source | undefined): NodeCount {
  if (query === undefined || key === undefined) return { flops: 0, bytes: 0 };
  const [keyLength = 0, queries = 0, heads = 1, streams = 1] = query.shape;
  const valueLength = node.shape[0] ?? 0;
  const pairs = queries * (key.shape[1] ?? 0) * heads * streams;
  return {
    flops: (2 * (keyLength + valueLength) + SOFTMAX_OPERATIONS) * pairs,
    bytes: bytesOf(query) + bytesOf(key) * (1 + valueLength / keyLength) + bytesOf(node),
  };
}

/** By the name that llama.cpp gives the node: `ffn_swiglu`, `ffn_geglu`, `ffn_gelu`. */
function activationOf({ name }: GraphNode): number {
  if (/gelu|geglu/.test(name)) return ACTIVATION_OPERATIONS.gelu;
  if (/relu/.test(name)) return ACTIVATION_OPERATIONS.relu;
  return ACTIVATION_OPERATIONS.silu;
}

function elementsOf({ shape }: Pick<Source, 'shape'>): number {
  return shape.reduce((product, length) => product * length, 1);
}

function bytesOf(tensor: Pick<Source, 'shape' | 'type'>): number {
  return elementsOf(tensor) * bytesPer(tensor);
}

const WHOLE_NUMBERS: Readonly<Record<string, number>> = { i8: 1, i16: 2, i32: 4, i64: 8 };

function bytesPer(tensor: Pick<Source, 'type'> | undefined): number {
  if (tensor === undefined) return 0;
  return bytesPerElement(tensor.type) ?? WHOLE_NUMBERS[tensor.type] ?? 4;
}
