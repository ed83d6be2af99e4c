import { basename } from 'node:path';
import { type FailureError, failed } from '../../../core/errors.js';
import type { SparseFormat } from '../../../core/runners/sparse.js';
import { isFloatType } from '../../../core/techniques/float-types.js';
import type { PackedMatrices, PackedSize } from '../../../core/work/packed.js';
import type { SparseType } from '../../../core/work/sparse.js';
import type { FileTensor, GgufFile } from '../../../formats/gguf/header.js';
import { readMatrix } from '../../../formats/tensor-matrix.js';
import type { GraphMatrices, PackedMatrix } from '../../native/graph-matrices.js';
import type { Architecture } from '../ggml/architecture.js';

/**
 * Share of zeros from which a matrix is kept without them. Below it, what bits and spreading cost is as much
 * as the bytes that are saved: 30 % of bf16 weights are 24 % of the bytes.
 */
const LEAST_ZEROS = 0.3;

/**
 * What a layer multiplies the same vector with lies on each other in one matrix: fewer ops, and one rounding
 * of the vector.
 */
const STACKS = {
  qkv: ['attn_q', 'attn_k', 'attn_v'],
  output: ['attn_output'],
  up: ['ffn_gate', 'ffn_up'],
  down: ['ffn_down'],
} as const;
export type Stack = keyof typeof STACKS;

/** The matrices of a model as they were packed. */
export interface Matrices {
  matrixOf(layer: number, stack: Stack): PackedMatrix;
  /** The vocabulary's. */
  readonly head: PackedMatrix;
  readonly bytes: number;
  /** Of the weights of all linear layers, as the file has them. */
  readonly zeros: number;
  /** Matrices without their zeros, and all of them, the vocabulary's included. */
  readonly sparse: number;
  readonly count: number;
  /** What their products ask, for the analytic model. */
  readonly work: PackedMatrices;
  free(): void;
}

/** @returns names of tensors that are packed, and need not be loaded as they are. */
export function packedTensors({ layers }: Architecture): ReadonlySet<string> {
  const names = Object.values(STACKS).flat();
  const inside = Array.from({ length: layers }, (_, i) => names.map((name) => `blk.${i}.${name}.weight`));
  return new Set([...inside.flat(), 'output.weight']);
}

/**
 * Packs all matrices; memory holds one stack in f32 beside what is packed.
 * @throws FailureError `model-unsupported` for quantized weights, `impossible-combination` when nothing has
 *   zeros, `does-not-fit`.
 */
export async function packMatrices(
  library: GraphMatrices,
  path: string,
  file: GgufFile,
  { layers }: Architecture,
  format: SparseFormat,
  type: SparseType,
): Promise<Matrices> {
  const known = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const packed = new Map<string, PackedMatrix>();
  const sizes = new Map<string, PackedSize>();
  const free = () => {
    for (const matrix of packed.values()) matrix.free();
    packed.clear();
  };
  const totals = { weights: 0, zeros: 0 };
  const pack = async (key: string, names: readonly string[], counts: boolean) => {
    const tensors = names.map((name) => known.get(name)!);
    const { values, columns } = await stacked(path, tensors);
    const zeros = countZeros(values);
    if (counts) {
      totals.weights += values.length;
      totals.zeros += zeros;
    }
    const sparse = format === 'bitmap' && zeros >= LEAST_ZEROS * values.length;
    const matrix = library.pack(values, columns, type, sparse ? 'bitmap' : 'dense');
    if (matrix === null) throw noMemory(names[0]!);
    packed.set(key, matrix);
    sizes.set(key, { weights: values.length, kept: matrix.kept, bytes: matrix.bytes });
  };
  try {
    for (let layer = 0; layer < layers; layer++) {
      for (const [stack, names] of Object.entries(STACKS)) {
        const tensors = names.map((name) => `blk.${layer}.${name}.weight`);
        await pack(`${layer} ${stack}`, tensors, true);
      }
    }
    await pack('head', [known.has('output.weight') ? 'output.weight' : 'token_embd.weight'], false);
    const all = [...packed.values()];
    const sparse = all.filter((matrix) => matrix.format === 'bitmap').length;
    const zeros = totals.zeros / totals.weights;
    if (format === 'bitmap' && sparse === 0) throw nothingToLeaveOut(path, zeros);
    const sizesOf = Array.from({ length: layers }, (_, layer) => {
      const sizeOf = (stack: Stack) => sizes.get(`${layer} ${stack}`)!;
      return { qkv: sizeOf('qkv'), output: sizeOf('output'), up: sizeOf('up'), down: sizeOf('down') };
    });
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
    return {
      matrixOf: (layer, stack) => packed.get(`${layer} ${stack}`)!,
      head: packed.get('head')!,
      bytes,
      zeros,
      sparse,
      count: all.length,
      free,
      work: { type, layers: sizesOf, head: sizes.get('head')! },
    };
  } catch (error) {
    free();
    throw error;
  }
}

/** Reads matrices of the same inputs, one under the other. */
async function stacked(path: string, tensors: readonly FileTensor[]) {
  const columns = tensors[0]!.shape[0]!;
  const values = new Float32Array(tensors.reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0));
  let at = 0;
  for (const tensor of tensors) {
    const { type, name, shape } = tensor;
    if (!isFloatType(type)) throw quantized(path, name, type);
    const matrix = await readMatrix({ ...tensor, type, rows: shape[1]!, columns: shape[0]! });
    values.set(matrix.values, at);
    at += matrix.values.length;
  }
  return { values, columns };
}

function countZeros(values: Float32Array): number {
  let count = 0;
  for (const value of values) if (value === 0) count++;
  return count;
}

function quantized(path: string, name: string, type: string): FailureError {
  const message = `${name} of ${basename(path)} is ${type}, and the runner sparse packs f16, bf16 or f32 weights`;
  const hint = 'Give the pruned float file; sparseType says what its weights are packed into.';
  return failed('model-unsupported', message, hint);
}

function nothingToLeaveOut(path: string, zeros: number): FailureError {
  const share = `${(100 * zeros).toFixed(1)} % of the weights of ${basename(path)} are 0`;
  const message = `${share}, and sparseFormat bitmap leaves out zeros where a layer has ${100 * LEAST_ZEROS} % or more`;
  const hint = 'Prune it (techniques: sparsity: wanda:60%), or set sparseFormat to none.';
  return failed('impossible-combination', message, hint);
}

function noMemory(name: string): FailureError {
  return failed('does-not-fit', `There is no memory for ${name} as it is packed.`);
}
