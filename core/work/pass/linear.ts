import type { MatrixShape } from '../architecture.js';
import type { Arithmetic, KernelCall, Module, OperatorWork } from '../work.js';
import { elementwise } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { calling, operator } from './operators.js';

/**
 * ggml's repacked matrix products take rows in fours and send the rest through products with a vector
 * (repack.cpp).
 */
const MATVEC_ROWS = 4;

export interface Product {
  readonly name: string;
  readonly module: Module;
  /** Tokens that go through it. */
  readonly rows: number;
  /** Copies of the matrix that are read: distinct experts. */
  readonly copies?: number;
  /** What of a batch the rows are; new tokens unless said otherwise. */
  readonly follows?: KernelCall['follows'];
}

/**
 * y = W x for `rows` tokens: 2 · inputs · outputs FLOPs a token, the matrix read once with its scales, inputs
 * read and outputs written once. A bias adds one operation an output, and its vector.
 */
export function linear(pass: LayerPass, matrix: MatrixShape, product: Product): OperatorWork[] {
  const { name, module, rows, copies = 1, follows } = product;
  const { inputs, outputs, bias, format } = matrix;
  const { bits, valueBits, density } = pass.weights ?? {
    bits: matrix.bits,
    ...(matrix.packed ?? { valueBits: matrix.bits, density: 1 }),
  };
  const elements = inputs * outputs;
  const biasOperations = bias ? rows * outputs : 0;
  const biasBytes = bias ? (copies * outputs * pass.vectorBits) / 8 : 0;
  return [
    ...quantization(pass, matrix, product),
    operator({
      name,
      module,
      class: rows < MATVEC_ROWS ? 'matvec' : 'matmul',
      arithmetic: matrixArithmetic(pass, valueBits),
      weights: pass.weights === null ? matrix.type : undefined,
      flops: 2 * elements * density * rows + biasOperations,
      traffic: {
        weightsRead: (copies * elements * bits) / 8 + biasBytes,
        activationsRead: rows * inputs * pass.activationBytes,
        activationsWritten: rows * outputs * pass.activationBytes,
      },
      kernelCalls: format && calling(pass, { family: 'product', format, rows, inputs, outputs }, follows),
    }),
    ...dequantization(pass, valueBits, copies * elements * density),
    ...adapterWork(pass, matrix, name, rows),
  ];
}

/** Activations are read, scaled down and written where the engine has a kernel of its own for that. */
function quantization(
  pass: LayerPass,
  { inputs, format, bits }: MatrixShape,
  { rows, follows }: Product,
): OperatorWork[] {
  if (format === undefined || !pass.kernels?.quantizes.includes(format)) return [];
  return [
    operator({
      name: 'quantize',
      module: 'other',
      class: 'elementwise',
      arithmetic: pass.arithmetic.vector,
      traffic: {
        activationsRead: rows * inputs * pass.activationBytes,
        activationsWritten: (rows * inputs * bits) / 8,
      },
      kernelCalls: calling(pass, { family: 'quantize', format, rows, inputs }, follows),
    }),
  ];
}

function matrixArithmetic({ arithmetic }: LayerPass, valueBits: number): Arithmetic {
  return valueBits < 16 ? arithmetic.quantizedMatrix : arithmetic.matrix;
}

/** Scales are applied to whole blocks of products in these, which is left out. */
const IN_BLOCKS: readonly Arithmetic[] = ['int8', 'int4', 'fp8'];

/**
 * Weights of few bits that meet activations in f16 are expanded on the way: a multiplication by the scale and
 * an addition of the zero for each weight that is read.
 */
function dequantization(pass: LayerPass, valueBits: number, weights: number): OperatorWork[] {
  if (valueBits >= 16 || IN_BLOCKS.includes(matrixArithmetic(pass, valueBits))) return [];
  return [elementwise(pass, { name: 'dequantize', module: 'other', flops: 2 * weights })];
}

/**
 * y += s B (A x) beside a matrix (arXiv 2106.09685): 2 r (in + out) FLOPs a token and the addition, r (in +
 * out) weights for each adapter in the batch; the scale is part of B x. A merged adapter costs nothing and is
 * not asked for.
 */
function adapterWork(
  pass: LayerPass,
  { inputs, outputs }: MatrixShape,
  name: string,
  rows: number,
): OperatorWork[] {
  const { adapter, activationBytes: bytes } = pass;
  if (adapter === null || !adapter.targets.includes(name)) return [];
  const { rank, bits, distinct } = adapter;
  const base = { module: 'adapter', class: rows === 1 ? 'matvec' : 'matmul' } as const;
  const readers = Math.min(distinct, rows);
  const half = (part: string, from: number, to: number) =>
    operator({
      ...base,
      name: `${name}.${part}`,
      arithmetic: pass.arithmetic.matrix,
      flops: 2 * from * to * rows,
      traffic: {
        weightsRead: (readers * from * to * bits) / 8,
        activationsRead: rows * from * bytes,
        activationsWritten: rows * to * bytes,
      },
    });
  return [
    half('lora_a', inputs, rank),
    half('lora_b', rank, outputs),
    elementwise(pass, {
      name: `${name}.lora_add`,
      module: 'adapter',
      flops: 2 * rows * outputs,
      read: 2 * rows * outputs,
      written: rows * outputs,
    }),
  ];
}
