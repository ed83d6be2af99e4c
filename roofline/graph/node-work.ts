import { bytesPerElement } from '../../core/techniques/tensor-types.js';
import { ACTIVATION_OPERATIONS } from '../../core/work/pass/elementwise.js';
import { SIGMOID_OPERATIONS } from '../../core/work/pass/experts.js';
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

/** Operations an element of the passes back (ggml-cpu/ops.cpp), an exponential or a root counted as one. */
const BACK = {
  /** (dy − Σ y dy) · y · scale */
  softmax: 5,
  /** x², x dz and their sums; x scaled, dz added, the sum scaled. */
  rmsNorm: 7,
  /** dy · s · (1 + x (1 − s)) with s = 1 / (1 + e⁻ˣ) */
  silu: 8,
  /** A softmax, the label taken off, the gradient multiplied. */
  crossEntropy: SOFTMAX_OPERATIONS + 2,
} as const;
/** AdamW: two moments (7), their corrections and the root (4), the step and the decay (4). */
const ADAMW_OPERATIONS = 15;

/**
 * Counts a node as ggml's CPU kernels compute it (ggml-cpu/ops.cpp): every element of the result, whatever a mask hides;
 * what it reads and writes once. Row numbers, positions and masks are left out. An exponential is one operation, as in pass/elementwise.ts.
 */
export function nodeWork(node: GraphNode): NodeWork {
  const [first, second] = node.sources;
  const written = bytesOf(node);
  const elements = elementsOf(node);
  const both = [first, second].map(bytesOf);
  const one = [bytesOf(first)];
  switch (node.op) {
    case 'MUL_MAT':
      return { flops: 2 * (first?.shape[0] ?? 0) * elements, read: both, written };
    // a [n, k] and b [m, k] make [n, m].
    case 'OUT_PROD':
      return { flops: 2 * (first?.shape[1] ?? 0) * elements, read: both, written };
    case 'MUL_MAT_ID':
      return chosen(node, first, second);
    // A bias of each expert that was chosen.
    case 'ADD_ID':
      return { flops: elements, read: [bytesOf(first), chosenBytes(node, second)], written };
    case 'FLASH_ATTN_EXT':
      return flash(node, first, second);
    // Rows are taken from one and their numbers from the other: as many elements are read as are written.
    case 'GET_ROWS':
      return { flops: 0, read: [elements * bytesPer(first)], written };
    case 'GET_ROWS_BACK':
      return { flops: elementsOf(first), read: one, written };
    // The result is a view of everything; only the rows that are given are written.
    case 'SET_ROWS':
      return { flops: 0, read: one, written: elementsOf(first) * bytesPer(node) };
    case 'ROPE':
    case 'ROPE_BACK':
      return { flops: 3 * elements, read: one, written };
    case 'RMS_NORM':
      return { flops: 3 * elements, read: both, written };
    case 'RMS_NORM_BACK':
      return { flops: BACK.rmsNorm * elements, read: both, written };
    case 'NORM':
      return { flops: 5 * elements, read: both, written };
    // The mask is the second source.
    case 'SOFT_MAX':
      return { flops: SOFTMAX_OPERATIONS * elements, read: one, written };
    case 'SOFT_MAX_BACK':
      return { flops: BACK.softmax * elements, read: both, written };
    case 'GLU':
      return { flops: (activationOf(node) + 1) * elements, read: both, written };
    case 'UNARY':
      return { flops: activationOf(node) * elements, read: both, written };
    case 'SILU_BACK':
      return { flops: BACK.silu * elements, read: both, written };
    case 'ADD':
    case 'SUB':
    case 'MUL':
    case 'DIV':
    case 'SCALE':
    case 'CLAMP':
      return { flops: elements, read: both, written };
    case 'SUM_ROWS':
      return { flops: elementsOf(first), read: both, written };
    case 'REPEAT_BACK':
      return { flops: elementsOf(first), read: one, written };
    case 'CROSS_ENTROPY_LOSS':
      return { flops: BACK.crossEntropy * elementsOf(first), read: both, written };
    case 'CROSS_ENTROPY_LOSS_BACK':
      return { flops: BACK.crossEntropy * elements, read: node.sources.slice(0, 3).map(bytesOf), written };
    // The parameter, its gradient and two moments; all but the gradient are written again.
    case 'OPT_STEP_ADAMW':
      return {
        flops: ADAMW_OPERATIONS * elements,
        read: node.sources.slice(0, 4).map(bytesOf),
        written: 3 * written,
      };
    // Its second source is where the copy goes.
    case 'CPY':
      return { flops: 0, read: one, written };
    // Copies, sorting, joining: bytes alone.
    default:
      return { flops: 0, read: both, written };
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

/** Q [dk, q, heads], K [dk, keys, K/V heads]; the result is [dv, heads, q]. V has K's type and as many rows. */
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

/** By the name that llama.cpp gives the node: `ffn_swiglu`, `ffn_geglu`, `ffn_gelu`; `ffn_moe_probs` where experts are judged by sigmoids. */
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
