import type { PackedMatrix } from '../../native/graph-matrices.js';
import { CONSTANTS, type LlamaFunctions, type Pointer } from '../../native/llama.js';
import type { Architecture } from '../ggml/architecture.js';
import type { Weights } from '../ggml/weights.js';
import type { Cache } from './cache.js';
import type { Matrices } from './matrices.js';

/** What graphs are made of. */
export interface Parts {
  readonly functions: LlamaFunctions;
  readonly architecture: Architecture;
  readonly weights: Weights;
  readonly matrices: Matrices;
  readonly cache: Cache;
  /** The custom op's function. */
  readonly multiply: Pointer;
  /** Room for one pointer, where an op's operands are passed. */
  readonly operand: BigUint64Array;
  readonly operandAddress: Pointer;
}

/** What one graph computes. */
export interface Shape {
  /** Of each sequence. */
  readonly tokens: number;
  /** Rows of logits. */
  readonly outputs: number;
  /** Cells of each sequence that are looked at. */
  readonly visible: number;
}

/** Tensors that are filled in before a graph is computed, and what comes out. */
export interface Ends {
  /**
   * i32 [sequences · tokens], a sequence one behind the other: tokens, their positions, and their cells in
   * the cache.
   */
  readonly ids: Pointer;
  readonly positions: Pointer;
  readonly cells: Pointer;
  /** f16 [visible, tokens]: 0 where a token looks, −∞ elsewhere. */
  readonly mask: Pointer;
  /** i32 [outputs]: tokens whose logits are wanted. */
  readonly wanted: Pointer;
  /** f32 [vocabulary, outputs]. */
  readonly logits: Pointer;
}

/** Tensors of one layer at most, and of what is around the layers. */
export const TENSORS = { layer: 64, around: 32 } as const;

/** One pass while its graph is being built. */
interface Pass {
  readonly parts: Parts;
  readonly context: Pointer;
  readonly graph: Pointer;
  readonly shape: Shape;
  /** Tokens of all sequences. */
  readonly count: number;
  readonly ends: Omit<Ends, 'logits'>;
}

/** Adds a pass over a dense Llama, Mistral, Qwen 2 or Qwen 3 to a graph, as llama.cpp computes it. */
export function forward(parts: Parts, context: Pointer, graph: Pointer, shape: Shape): Ends {
  const { functions: f, architecture, weights, matrices, cache } = parts;
  const count = shape.tokens * cache.sequences;
  const ends = inputs(f, context, shape, count);
  const pass: Pass = { parts, context, graph, shape, count, ends };
  const norm = (x: Pointer, name: string) =>
    f.ggml_mul(context, f.ggml_rms_norm(context, x, architecture.epsilon), weights.need(name).tensor);
  let x = f.ggml_get_rows(context, weights.need('token_embd.weight').tensor, ends.ids);
  for (let layer = 0; layer < architecture.layers; layer++) {
    const h = norm(x, `blk.${layer}.attn_norm.weight`);
    x = f.ggml_add(context, x, attention(pass, h, layer));
    const inner = product(
      pass,
      matrices.matrixOf(layer, 'up'),
      norm(x, `blk.${layer}.ffn_norm.weight`),
      count,
    );
    const outer = product(pass, matrices.matrixOf(layer, 'down'), f.ggml_swiglu(context, inner), count);
    x = f.ggml_add(context, x, outer);
  }
  const last = norm(f.ggml_get_rows(context, x, ends.wanted), 'output_norm.weight');
  const logits = product(pass, matrices.head, last, shape.outputs);
  f.ggml_set_output(logits);
  f.ggml_build_forward_expand(graph, logits);
  return { ...ends, logits };
}

function inputs(f: LlamaFunctions, context: Pointer, shape: Shape, count: number): Omit<Ends, 'logits'> {
  const { GGML_TYPE_I32, GGML_TYPE_F16 } = CONSTANTS;
  const input = (type: number, ...ne: [number, number]) => {
    const tensor = f.ggml_new_tensor_2d(context, type, ...ne);
    f.ggml_set_input(tensor);
    return tensor;
  };
  return {
    ids: input(GGML_TYPE_I32, count, 1),
    positions: input(GGML_TYPE_I32, count, 1),
    cells: input(GGML_TYPE_I32, count, 1),
    mask: input(GGML_TYPE_F16, shape.visible, shape.tokens),
    wanted: input(GGML_TYPE_I32, shape.outputs, 1),
  };
}

/** W x for x [columns, vectors]. */
function product(pass: Pass, { userData, rows }: PackedMatrix, x: Pointer, vectors: number): Pointer {
  const { functions: f, operand, operandAddress, multiply } = pass.parts;
  operand[0] = x ?? 0n;
  const { GGML_TYPE_F32 } = CONSTANTS;
  const allThreads = -1; // GGML_N_TASKS_MAX
  return f.ggml_custom_4d(
    pass.context,
    GGML_TYPE_F32,
    rows,
    vectors,
    1,
    1,
    operandAddress,
    1,
    multiply,
    allThreads,
    userData,
  );
}

/** Attention of one layer. @param h [embedding, count], normed. */
function attention(pass: Pass, h: Pointer, layer: number): Pointer {
  const { parts, context, graph, shape, count, ends } = pass;
  const { functions: f, architecture, weights, matrices, cache } = parts;
  const { epsilon, heads, groups, headLength, rope, attentionScale } = architecture;
  const qkv = product(pass, matrices.matrixOf(layer, 'qkv'), h, count);
  /** Bytes of one token's queries, keys and values. */
  const row = 4 * headLength * (heads + 2 * groups);
  const q = rotated(projected('q', heads, 0));
  const k = rotated(projected('k', groups, heads));
  const v = projected('v', groups, heads + groups);
  const [keys, values] = [cache.keys[layer]!, cache.values[layer]!];
  store(keys, k);
  store(values, v);
  const apart = f.ggml_reshape_4d(context, q, headLength, heads, shape.tokens, cache.sequences);
  const queries = f.ggml_permute(context, apart, 0, 2, 1, 3);
  const [pastKeys, pastValues] = [visible(keys), visible(values)];
  const out = f.ggml_flash_attn_ext(context, queries, pastKeys, pastValues, ends.mask, attentionScale, 0, 0);
  const joined = f.ggml_reshape_2d(context, out, headLength * heads, count);
  return product(pass, matrices.matrixOf(layer, 'output'), joined, count);

  /** @returns heads [length, many, count], from the head `first` of what came out together. */
  function projected(which: 'q' | 'k' | 'v', many: number, first: number): Pointer {
    const name = `blk.${layer}.attn_${which}`;
    const start = 4 * headLength * first;
    const bias = weights.get(`${name}.bias`);
    const normed = weights.get(`${name}_norm.weight`);
    let own = f.ggml_view_3d(context, qkv, headLength, many, count, 4 * headLength, row, start);
    if (bias !== null) {
      const vector = f.ggml_reshape_3d(context, bias.tensor, headLength, many, 1);
      own = f.ggml_add(context, own, vector);
    }
    if (normed === null) return own;
    return f.ggml_mul(context, f.ggml_rms_norm(context, own, epsilon), normed.tensor);
  }

  /** Puts what is new into the cache. */
  function store(room: Pointer, fresh: Pointer): void {
    const flat = f.ggml_view_2d(context, fresh, groups * headLength, count, strideOf(fresh), 0);
    f.ggml_build_forward_expand(graph, f.ggml_set_rows(context, room, flat, ends.cells));
  }

  function rotated(own: Pointer): Pointer {
    const { dimensions, mode, base } = rope;
    const factors = weights.get('rope_freqs.weight')?.tensor ?? null;
    return f.ggml_rope_ext(context, own, ends.positions, factors, dimensions, mode, 0, base, 1, 0, 1, 32, 1);
  }

  /** Bytes from one token to the next: what is a view of all three still lies between the others. */
  function strideOf(fresh: Pointer): number {
    return f.ggml_is_contiguous(fresh) ? 4 * groups * headLength : row;
  }

  /** The cells that are looked at: [length, visible, groups, sequences]. */
  function visible(room: Pointer): Pointer {
    const [head, token] = [2 * headLength, 2 * headLength * groups];
    const sequence = token * cache.capacity;
    const { sequences } = cache;
    return f.ggml_view_4d(
      context,
      room,
      headLength,
      shape.visible,
      groups,
      sequences,
      token,
      head,
      sequence,
      0,
    );
  }
}
