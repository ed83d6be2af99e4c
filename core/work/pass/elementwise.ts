import type { ActivationFunction } from '../architecture.js';
import type { Module, OperatorWork } from '../work.js';
import type { LayerPass } from './layer-pass.js';
import { operator } from './operators.js';

/** Operations an element: RMSNorm x · (1/√mean x²) · w (square, sum, two products); LayerNorm takes the mean off and adds a bias. */
const NORM_OPERATIONS = { rms: 4, layer: 7 } as const;

/**
 * Operations an element, an exponential counted as one: silu x / (1 + e⁻ˣ); gelu ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)));
 * relu max(x, 0); the clamped one g / (1 + e^(−1.702 g)) with g = min(x, 7), beside min(max(y, −7), 7) + 1.
 */
export const ACTIVATION_OPERATIONS: Readonly<Record<ActivationFunction, number>> = {
  silu: 4,
  gelu: 9,
  relu: 1,
  'silu-clamped': 9,
};

/** A pair of elements is turned by 4 products and 2 sums (arXiv 2104.09864, equation 34). */
const ROPE_OPERATIONS = 3;

/** Reads and writes every element once, and its weights (with LayerNorm a bias, too) once a pass. */
export function norm(pass: LayerPass, name: string, rows: number, width = pass.embedding): OperatorWork {
  return operator({
    name,
    module: 'norm',
    class: 'elementwise',
    arithmetic: pass.arithmetic.vector,
    flops: NORM_OPERATIONS[pass.norm] * rows * width,
    traffic: {
      weightsRead: normWeightBytes(pass, width),
      activationsRead: rows * width * pass.activationBytes,
      activationsWritten: rows * width * pass.activationBytes,
    },
  });
}

/** Norms of the heads of Q and K: one weight for each element of a head, shared by all heads. */
export function headNorm(pass: LayerPass, name: string, heads: number, length: number): OperatorWork {
  const whole = norm(pass, name, pass.tokens * heads, length);
  return { ...whole, traffic: { ...whole.traffic, weightsRead: normWeightBytes(pass, length) } };
}

function normWeightBytes({ norm: kind, vectorBits }: LayerPass, width: number): number {
  return ((kind === 'layer' ? 2 : 1) * width * vectorBits) / 8;
}

/** Turns the first `positions.length` elements of each head of Q and K; the table of sines is small and left out. */
export function rope(
  pass: LayerPass,
  heads: number,
  headLength: number,
  length: number = headLength,
): OperatorWork[] {
  if (pass.positions.kind !== 'rotary' || heads === 0) return [];
  const elements = pass.tokens * heads * Math.min(length, headLength);
  return [
    operator({
      name: 'rope',
      module: 'rope',
      class: 'elementwise',
      arithmetic: pass.arithmetic.vector,
      flops: ROPE_OPERATIONS * elements,
      traffic: {
        activationsRead: elements * pass.activationBytes,
        activationsWritten: elements * pass.activationBytes,
      },
    }),
  ];
}

/** x + f(x): two operands are read, one is written. */
export function residual(pass: LayerPass, name: string, rows: number): OperatorWork {
  return added(pass, name, 'residual', rows * pass.embedding);
}

export function added(pass: LayerPass, name: string, module: Module, elements: number): OperatorWork {
  return operator({
    name,
    module,
    class: 'elementwise',
    arithmetic: pass.arithmetic.vector,
    flops: elements,
    traffic: {
      activationsRead: 2 * elements * pass.activationBytes,
      activationsWritten: elements * pass.activationBytes,
    },
  });
}

/** act(gate) · up, or act(up) where there is no gate. */
export function activation(
  pass: LayerPass,
  kind: ActivationFunction,
  elements: number,
  gated: boolean,
): OperatorWork {
  return operator({
    name: 'mlp_act',
    module: 'mlp',
    class: 'elementwise',
    arithmetic: pass.arithmetic.vector,
    flops: (ACTIVATION_OPERATIONS[kind] + (gated ? 1 : 0)) * elements,
    traffic: {
      activationsRead: (gated ? 2 : 1) * elements * pass.activationBytes,
      activationsWritten: elements * pass.activationBytes,
    },
  });
}
