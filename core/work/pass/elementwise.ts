import type { ActivationFunction } from '../architecture.js';
import type { KernelCall, Module, OperatorWork } from '../work.js';
import type { LayerPass } from './layer-pass.js';
import { calling, insideOther, operator } from './operators.js';
import type { AskedKernels } from './setting.js';

/**
 * Operations an element: RMSNorm x · (1/√mean x²) · w (square, sum, two products); LayerNorm takes the mean
 * off and adds a bias.
 */
export const NORM_OPERATIONS = { rms: 4, layer: 7 } as const;

/**
 * Operations an element, an exponential counted as one: silu x / (1 + e⁻ˣ); gelu ½ x (1 + tanh(√(2/π) (x +
 * 0.044715 x³))); relu max(x, 0); the clamped one g / (1 + e^(−1.702 g)) with g = min(x, 7), beside
 * min(max(y, −7), 7) + 1.
 */
export const ACTIVATION_OPERATIONS: Readonly<Record<ActivationFunction, number>> = {
  silu: 4,
  gelu: 9,
  relu: 1,
  'silu-clamped': 9,
};

/** 1 / (1 + e⁻ˣ), an exponential counted as one. */
export const SIGMOID_OPERATIONS = 4;

/** A pair of elements is turned by 4 products and 2 sums (arXiv 2104.09864, equation 34). */
const ROPE_OPERATIONS = 3;

/** What an operation does to elements, each alone. */
interface Elements {
  readonly name: string;
  readonly module: Module;
  readonly flops: number;
  /** Elements of activations. */
  readonly read?: number;
  readonly written?: number;
  /** Bytes. */
  readonly weightsRead?: number;
  /** Bytes of another operator that the same kernel moves; null = this one runs inside another's. */
  readonly fusedBytes?: number | null;
  readonly follows?: KernelCall['follows'];
}

/** An operation on units that do not multiply matrices. */
export function elementwise(
  pass: Pick<LayerPass, 'arithmetic' | 'activationBytes'> & AskedKernels,
  { name, module, flops, read = 0, written = 0, weightsRead = 0, fusedBytes = 0, follows }: Elements,
): OperatorWork {
  const { arithmetic, activationBytes } = pass;
  const bytes = weightsRead + (read + written) * activationBytes;
  return operator({
    name,
    module,
    class: 'elementwise',
    arithmetic: arithmetic.vector,
    flops,
    traffic: {
      weightsRead,
      activationsRead: read * activationBytes,
      activationsWritten: written * activationBytes,
    },
    kernelCalls:
      bytes === 0 || fusedBytes === null
        ? insideOther(pass)
        : calling(pass, { family: 'stream', bytes: bytes + fusedBytes }, follows),
  });
}

/**
 * Reads and writes every element once, and its weights (with LayerNorm a bias, too) once a pass.
 * @param addsResidual engines on GPUs add the residual in the kernel of the norm behind it: one more operand
 *   is read, and the sum written.
 */
export function norm(
  pass: LayerPass,
  name: string,
  rows: number,
  width = pass.embedding,
  addsResidual = false,
): OperatorWork {
  const elements = rows * width;
  const weightsRead = ((pass.norm === 'layer' ? 2 : 1) * width * pass.vectorBits) / 8;
  const flops = NORM_OPERATIONS[pass.norm] * rows * width;
  return elementwise(pass, {
    name,
    module: 'norm',
    flops,
    read: elements,
    written: elements,
    weightsRead,
    fusedBytes: addsResidual ? 2 * elements * pass.activationBytes : 0,
  });
}

/**
 * Turns the first `positions.length` elements of each head of Q and K; the table of sines is small and left
 * out.
 */
export function rope(
  pass: LayerPass,
  heads: number,
  headLength: number,
  length: number = headLength,
): OperatorWork[] {
  if (pass.positions.kind !== 'rotary' || heads === 0) return [];
  const elements = pass.tokens * heads * Math.min(length, headLength);
  const flops = ROPE_OPERATIONS * elements;
  return [elementwise(pass, { name: 'rope', module: 'rope', flops, read: elements, written: elements })];
}

/**
 * x + f(x): two operands are read, one is written.
 * @param inNorm an engine on a GPU does it in the kernel of the norm behind it.
 */
export function residual(pass: LayerPass, name: string, rows: number, inNorm: boolean): OperatorWork {
  return added(pass, name, 'residual', rows * pass.embedding, inNorm ? null : 0);
}

export function added(
  pass: LayerPass,
  name: string,
  module: Module,
  elements: number,
  fusedBytes: number | null = 0,
): OperatorWork {
  return elementwise(pass, {
    name,
    module,
    flops: elements,
    read: 2 * elements,
    written: elements,
    fusedBytes,
  });
}

/** act(gate) · up, or act(up) where there is no gate. */
export function activation(
  pass: LayerPass,
  kind: ActivationFunction,
  elements: number,
  gated: boolean,
): OperatorWork {
  return elementwise(pass, {
    name: 'mlp_act',
    module: 'mlp',
    flops: (ACTIVATION_OPERATIONS[kind] + (gated ? 1 : 0)) * elements,
    read: (gated ? 2 : 1) * elements,
    written: elements,
  });
}
