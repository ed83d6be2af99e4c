import { bytesPerElement } from '../../core/techniques/tensor-types.js';
import { ACTIVATION_OPERATIONS, SIGMOID_OPERATIONS } from '../../core/work/pass/elementwise.js';
import { SOFTMAX_OPERATIONS } from '../../core/work/pass/scores.js';
import type { GraphNode } from '../profile/nodes.js';

/** The operations and bytes of one node of ggml's graph, from only its shapes and types. */
export interface NodeWork {
  readonly flops: number;
  /** Bytes read from each source, in order; sources left out are not read. */
  readonly read: readonly number[];
  readonly written: number;
}

type Source = GraphNode['sources'][number];

/** The softmax, the subtraction of the label, and the product with the gradient. */
const CROSS_ENTROPY_OPERATIONS = SOFTMAX_OPERATIONS + 2;

/** Operations per element of the result (ggml-cpu/ops.cpp); an exponential or a root counts as one. */
const OF_RESULT: Readonly<Record<string, number>> = {
  ADD: 1,
  ADD_ID: 1,
  SUB: 1,
  MUL: 1,
  DIV: 1,
  SCALE: 1,
  CLAMP: 1,
  ROPE: 3,
  ROPE_BACK: 3,
  RMS_NORM: 3,
  NORM: 5,
  SOFT_MAX: SOFTMAX_OPERATIONS,
  /** (dy − Σ y dy) · y · scale */
  SOFT_MAX_BACK: 5,
  /** x², x dz and their sums; x scaled, dz added, the sum scaled. */
  RMS_NORM_BACK: 7,
  /** dy · s · (1 + x (1 − s)) with s = 1 / (1 + e⁻ˣ) */
  SILU_BACK: 8,
  CROSS_ENTROPY_LOSS_BACK: CROSS_ENTROPY_OPERATIONS,
  /** Two moments (7), their corrections and the root (4), the step and the decay (4). */
  OPT_STEP_ADAMW: 15,
};
/** Operations per element of the first source. */
const OF_FIRST: Readonly<Record<string, number>> = {
  GET_ROWS_BACK: 1,
  SUM_ROWS: 1,
  REPEAT_BACK: 1,
  CROSS_ENTROPY_LOSS: CROSS_ENTROPY_OPERATIONS,
};
/**
 * Number of sources that are read, if it is not two. Further sources are masks, positions, row numbers, and
 * the destination of a copy.
 */
const READ: Readonly<Record<string, number>> = {
  GET_ROWS_BACK: 1,
  SET_ROWS: 1,
  ROPE: 1,
  ROPE_BACK: 1,
  SOFT_MAX: 1,
  REPEAT_BACK: 1,
  CPY: 1,
  CROSS_ENTROPY_LOSS_BACK: 3,
  // It reads the parameter, its gradient and two moments; all of these except the gradient are written back.
  OPT_STEP_ADAMW: 4,
};

/**
 * Counts a node as ggml's CPU kernels compute it (ggml-cpu/ops.cpp): every element of the result, including
 * masked ones, and each value as read or written once. Row numbers, positions and masks are left out. An
 * exponential is one operation, as in pass/elementwise.ts. Operations in no table only copy, sort or join, so
 * they have bytes but no operations.
 */
export function nodeWork(node: GraphNode): NodeWork {
  const { op, sources } = node;
  const [first, second] = sources;
  const elements = elementsOf(node);
  const plain = {
    flops: (OF_RESULT[op] ?? 0) * elements + (OF_FIRST[op] ?? 0) * elementsOf(first),
    read: Array.from({ length: READ[op] ?? 2 }, (_, i) => bytesOf(sources[i])),
    written: bytesOf(node),
  };
  switch (op) {
    case 'MUL_MAT':
      return { ...plain, flops: 2 * (first?.shape[0] ?? 0) * elements };
    // a [n, k] and b [m, k] make [n, m].
    case 'OUT_PROD':
      return { ...plain, flops: 2 * (first?.shape[1] ?? 0) * elements };
    case 'MUL_MAT_ID':
      return chosen(node, first, second);
    // A bias of each expert that was chosen.
    case 'ADD_ID':
      return { ...plain, read: [bytesOf(first), chosenBytes(node, second)] };
    case 'FLASH_ATTN_EXT':
      return flash(node, first, second);
    // It reads rows from one source and their numbers from the other, so as many elements are read as
    // written.
    case 'GET_ROWS':
      return { ...plain, read: [elements * bytesPer(first)] };
    // The result is a view of the whole tensor, but only the given rows are written.
    case 'SET_ROWS':
      return { ...plain, written: elementsOf(first) * bytesPer(node) };
    case 'GLU':
      return { ...plain, flops: (activationOf(node) + 1) * elements };
    case 'UNARY':
      return { ...plain, flops: activationOf(node) * elements };
    case 'OPT_STEP_ADAMW':
      return { ...plain, written: 3 * plain.written };
    default:
      return plain;
  }
}

/** Number of experts read: at most one per choice, and all of them if there are more choices than experts. */
function chosen(node: GraphNode, experts: Source | undefined, input: Source | undefined): NodeWork {
  if (experts === undefined || input === undefined) return { flops: 0, read: [], written: 0 };
  const [inputs = 0, outputs = 0, count = 1] = experts.shape;
  const choices = (node.shape[1] ?? 1) * (node.shape[2] ?? 1);
  const weights = Math.min(count, choices) * inputs * outputs * bytesPer(experts);
  return {
    flops: 2 * inputs * elementsOf(node),
    read: [weights, choices * inputs * bytesPer(input)],
    written: bytesOf(node),
  };
}

/** Bytes of the rows of chosen experts, as `chosen` counts these. */
function chosenBytes({ shape }: GraphNode, bias: Source | undefined): number {
  const [width = 0, count = 1] = bias?.shape ?? [];
  const choices = (shape[1] ?? 1) * (shape[2] ?? 1);
  return Math.min(count, choices) * width * bytesPer(bias);
}

/**
 * Q [dk, q, heads], K [dk, keys, K/V heads]; the result is [dv, heads, q]. V has K's type and as many rows.
 */
function flash(node: GraphNode, query: Source | undefined, key: Source | undefined): NodeWork {
  if (query === undefined || key === undefined) return { flops: 0, read: [], written: 0 };
  const [keyLength = 0, queries = 0, heads = 1, streams = 1] = query.shape;
  const valueLength = node.shape[0] ?? 0;
  const pairs = queries * (key.shape[1] ?? 0) * heads * streams;
  return {
    flops: (2 * (keyLength + valueLength) + SOFTMAX_OPERATIONS) * pairs,
    read: [bytesOf(query), bytesOf(key) * (1 + valueLength / keyLength)],
    written: bytesOf(node),
  };
}

/**
 * By the name that llama.cpp gives the node: `ffn_swiglu`, `ffn_geglu`, `ffn_gelu`; `ffn_moe_probs` where
 * experts are gated by sigmoids.
 */
function activationOf({ name }: GraphNode): number {
  if (/swiglu_oai/.test(name)) return ACTIVATION_OPERATIONS['silu-clamped'];
  if (/^ffn_moe_probs/.test(name)) return SIGMOID_OPERATIONS;
  if (/gelu|geglu/.test(name)) return ACTIVATION_OPERATIONS.gelu;
  if (/relu/.test(name)) return ACTIVATION_OPERATIONS.relu;
  return ACTIVATION_OPERATIONS.silu;
}

function elementsOf(tensor: Pick<Source, 'shape'> | undefined): number {
  return tensor === undefined ? 0 : tensor.shape.reduce((product, length) => product * length, 1);
}

function bytesOf(tensor: Pick<Source, 'shape' | 'type'> | undefined): number {
  return tensor === undefined ? 0 : elementsOf(tensor) * bytesPer(tensor);
}

function bytesPer(tensor: Pick<Source, 'type'> | undefined): number {
  return tensor === undefined ? 0 : bytesPerElement(tensor.type);
}
