import { knownTensorType } from '../../core/techniques/tensor-types.js';
import { CONSTANTS, type Llama, type LlamaFunctions, type Pointer } from '../../engines/native/llama.js';
import type { Build, GraphBench } from './graphs.js';

const { GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_I32, GGML_TYPE_I64 } = CONSTANTS;

/** y = W x, with so many matrices one behind the other. */
export interface ProductShape {
  readonly weights: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly rows: number;
  readonly copies: number;
}

export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headLength: number;
  readonly sequences: number;
  readonly newTokens: number;
  readonly cachedTokens: number;
  readonly copies: number;
}

export const ELEMENTWISE = ['norm', 'rope', 'add', 'act', 'store'] as const;
export type Elementwise = (typeof ELEMENTWISE)[number];

export interface ElementwiseShape {
  readonly kind: Elementwise;
  readonly width: number;
  readonly rows: number;
  readonly copies: number;
}

/** Rows that are made for a matrix; they repeat, since speed does not depend on what they hold. */
const DIFFERENT_ROWS = 16;

/** Weights of a type, packed by the engine; made once and copied into every matrix. */
export function randomRows(llama: Llama, type: number, inputs: number): Uint8Array {
  const { functions } = llama;
  const count = inputs * DIFFERENT_ROWS;
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) * 0.05);
  const importance = Float32Array.from({ length: inputs }, () => 1);
  const bytes = Number(functions.ggml_row_size(type, inputs)) * DIFFERENT_ROWS;
  const room = llama.allocate('uint8_t', bytes);
  functions.ggml_quantize_chunk(type, values, room, 0, DIFFERENT_ROWS, inputs, importance);
  const packed = new Uint8Array(llama.bytes(room, bytes)).slice();
  llama.free(room);
  return packed;
}

/** The tensors of weights are handed out so that they can be filled once they have their memory. */
export function products(shape: ProductShape, made: Pointer[]): Build {
  const { weights: name, inputs, outputs, rows, copies } = shape;
  return (functions, context) => {
    const type = knownTensorType(name).number;
    const weights = Array.from({ length: copies }, () =>
      functions.ggml_new_tensor_2d(context, type, inputs, outputs),
    );
    const input = functions.ggml_new_tensor_2d(context, GGML_TYPE_F32, inputs, rows);
    made.push(...weights);
    return {
      weights,
      inputs: [input],
      nodes: weights.map((matrix) => functions.ggml_mul_mat(context, matrix, input)),
      fill: (bytes) => fillWith(new Float32Array(bytes(input))),
    };
  };
}

export function fillMatrices(
  bench: GraphBench,
  matrices: readonly Pointer[],
  rows: Uint8Array,
  outputs: number,
): void {
  const repeats = Math.ceil(outputs / DIFFERENT_ROWS);
  const bytes = new Uint8Array((rows.length / DIFFERENT_ROWS) * outputs);
  for (let i = 0; i < repeats; i++) {
    const start = i * rows.length;
    bytes.set(rows.subarray(0, Math.min(rows.length, bytes.length - start)), start);
  }
  for (const matrix of matrices) bench.set(matrix, bytes);
}

/** Flash attention over a cache laid out as llama.cpp's: tokens one behind the other, heads inside. */
export function attention(shape: AttentionShape): Build {
  const { heads, kvHeads, headLength: d, sequences, newTokens, cachedTokens, copies } = shape;
  const cells = Math.ceil((newTokens + cachedTokens) / 256) * 256;
  return (functions, context) => {
    const query = functions.ggml_new_tensor_4d(context, GGML_TYPE_F32, d, newTokens, heads, sequences);
    const mask = functions.ggml_new_tensor_4d(context, GGML_TYPE_F16, cells, newTokens, 1, sequences);
    const caches = Array.from({ length: copies }, () =>
      [0, 1].map(() =>
        functions.ggml_new_tensor_4d(context, GGML_TYPE_F16, d * kvHeads, cells, sequences, 1),
      ),
    );
    const views: Pointer[] = [];
    const strides = [2 * d, 2 * d * kvHeads, 2 * d * kvHeads * cells] as const;
    const byHead = (cache: Pointer) => {
      const view = functions.ggml_view_4d(context, cache, d, kvHeads, cells, sequences, ...strides, 0);
      const permuted = functions.ggml_permute(context, view, 0, 2, 1, 3);
      views.push(view, permuted);
      return permuted;
    };
    const scale = 1 / Math.sqrt(d);
    const nodes = caches.map(([k, v]) =>
      functions.ggml_flash_attn_ext(context, query, byHead(k!), byHead(v!), mask, scale, 0, 0),
    );
    return {
      weights: [],
      inputs: [query, mask, ...caches.flat()],
      views,
      nodes,
      fill: (bytes) => {
        fillWith(new Float32Array(bytes(query)));
        for (const cache of caches.flat()) new Uint16Array(bytes(cache)).fill(0x2c00);
        // Zero where a token sees another, minus infinity where it does not.
        const seen = new Uint16Array(bytes(mask));
        for (let row = 0; row < newTokens * sequences; row++) {
          const last = cachedTokens + (row % newTokens);
          seen.fill(0xfc00, row * cells + last + 1, (row + 1) * cells);
        }
      },
    };
  };
}

export function elementwise({ kind, width, rows, copies }: ElementwiseShape): Build {
  return (functions, context) => {
    const tensor = (...shape: [number, number, number]) =>
      functions.ggml_new_tensor_3d(context, GGML_TYPE_F32, ...shape);
    const heads = kind === 'rope' ? width / ROPE_LENGTH : 1;
    const shape: [number, number, number] = kind === 'rope' ? [ROPE_LENGTH, heads, rows] : [width, rows, 1];
    const a = tensor(...shape);
    const b = kind === 'norm' ? tensor(width, 1, 1) : tensor(...shape);
    const ofPlaces = kind === 'store' ? GGML_TYPE_I64 : GGML_TYPE_I32;
    const positions = functions.ggml_new_tensor_1d(context, ofPlaces, rows);
    const cache = functions.ggml_new_tensor_2d(context, GGML_TYPE_F16, width, Math.max(rows, 512));
    const runOnce = () => OPERATIONS[kind](functions, context, { a, b, positions, cache });
    const nodes = Array.from({ length: copies }, runOnce).flat();
    return {
      weights: [],
      inputs: [a, b, positions, cache],
      // What is stored goes into the cache itself.
      views: kind === 'store' ? nodes : [],
      nodes,
      fill: (bytes) => {
        fillWith(new Float32Array(bytes(a)));
        fillWith(new Float32Array(bytes(b)));
        const places = Array.from({ length: rows }, (_, i) => i);
        if (kind === 'store') new BigInt64Array(bytes(positions)).set(places.map(BigInt));
        else new Int32Array(bytes(positions)).set(places);
      },
    };
  };
}

const ROPE_LENGTH = 64;

interface Operands {
  readonly a: Pointer;
  readonly b: Pointer;
  readonly positions: Pointer;
  readonly cache: Pointer;
}

/** As llama.cpp's graphs have them; a norm and its weights are fused by the engine. */
const OPERATIONS: Readonly<
  Record<Elementwise, (functions: LlamaFunctions, context: Pointer, operands: Operands) => Pointer[]>
> = {
  norm: (f, context, { a, b }) => {
    const normed = f.ggml_rms_norm(context, a, 1e-5);
    return [normed, f.ggml_mul(context, normed, b)];
  },
  rope: (f, context, { a, positions }) => [
    f.ggml_rope_ext(context, a, positions, null, ROPE_LENGTH, 0, 8192, 1e4, 1, 0, 1, 32, 1),
  ],
  add: (f, context, { a, b }) => [f.ggml_add(context, a, b)],
  act: (f, context, { a, b }) => [f.ggml_swiglu_split(context, a, b)],
  store: (f, context, { a, positions, cache }) => [f.ggml_set_rows(context, cache, a, positions)],
};

function fillWith(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(i * 0.37) * 0.5;
}
