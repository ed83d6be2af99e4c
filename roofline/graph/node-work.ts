import { bytesPerElement } from '../../core/techniques/tensor-types.js';
import { ACTIVATION_OPERATIONS, SIGMOID_OPERATIONS } from '../../core/work/pass/elementwise.js';
import { SOFTMAX_OPERATIONS } from '../../core/work/pass/scores.js';
import type { GraphNode } from '../profile/nodes.js';

/** What one node of ggml's graph computes and moves, by its shapes and types alone. */
export interface NodeWork {
  readonly flops: number;
  /** Bytes of each source that is read, in their order; what is left out is not read. */
  readonly read: readonly number[];
  readonly written: number;
}

type Source = GraphNode['sources'][number];

/** The softmax, the label taken off, the gradient multiplied. */
const CROSS_ENTROPY_OPERATIONS = SOFTMAX_OPERATIONS + 2;

/** Operations an element of the result (ggml-cpu/ops.cpp), an exponential or a root counted as one. */
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
/** Operations an element of the first source. */
const OF_FIRST: Readonly<Record<string, number>> = {
  GET_ROWS_BACK: 1,
  SUM_ROWS: 1,
  REPEAT_BACK: 1,
  CROSS_ENTROPY_LOSS: CROSS_ENTROPY_OPERATIONS,
};
/**
 * Sources that are read, where those are not two: behind them are masks, positions, numbers of rows, and
 * where a copy goes.
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
  // The parameter, its gradient and two moments; all but the gradient are written again.
  OPT_STEP_ADAMW: 4,
};

/**
 * Counts a node as ggml's CPU kernels compute it (ggml-cpu/ops.cpp): every element of the result, whatever a
 * mask hides; what it reads and writes once. Row numbers, positions and masks are left out. An exponential is
 * one operation, as in pass/elementwise.ts. What is in no table copies, sorts or joins: bytes alone.
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
    // Rows are taken from one and their numbers from the other: as many elements are read as are written.
    case 'GET_ROWS':
      return { ...plain, read: [elements * bytesPer(first)] };
    // The result is a view of everything; only the rows that are given are written.
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

/** Experts that were chosen: at most as many as there are choices, all of them where choices abound. */
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

/** Rows of experts that were chosen, as `chosen` counts them. */
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
 * experts are judged by sigmoids.
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
