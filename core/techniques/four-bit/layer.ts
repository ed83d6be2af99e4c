import { failed } from '../../errors.js';
import type { PruningEngine } from '../pruning/engine.js';
import type { Hessian } from '../pruning/hessian.js';
import type { Matrix } from '../pruning/matrix.js';
import type { FourBitEngine, FourBitMatrix } from './engine.js';
import { rotated, rotatedHessian, rotationOf } from './rotation.js';
import { type FourBitSpec, inputsOfBlock } from './spec.js';

export interface QuantizedLayer {
  /** Codes and scales of the weights, rotated where the spec rotates. */
  readonly matrix: FourBitMatrix;
  /** What they stand for in the place of the given weights, rotated back. */
  readonly weights: Matrix;
}

/**
 * Quantizes one layer. The given weights are not changed.
 * @param hessian of the layer’s inputs; null = none reached it, and GPTQ, which then has nothing to go by,
 *   becomes a search for scales.
 * @throws FailureError `impossible-combination` for rows that blocks do not divide, `model-unsupported` for
 *   weights that are not finite, `artifact-failed` for a Hessian that cannot be inverted.
 */
export function quantizeLayer(
  {
    name,
    weights,
    hessian,
  }: { readonly name: string; readonly weights: Matrix; readonly hessian: Hessian | null },
  spec: FourBitSpec,
  engine: FourBitEngine & Pick<PruningEngine, 'inverseFactor'>,
): QuantizedLayer {
  checkLayer(name, weights, spec);
  const { rows, columns } = weights;
  const rotation = rotationOf(spec.rotation, columns);
  const turned = rotation === null ? weights : rotated(weights, rotation);
  const matrix = codesOf(turned, spec, engine, () =>
    hessian === null || rotation === null ? hessian : rotatedHessian(hessian, rotation),
  );
  const values = engine.valuesOf(matrix);
  rotation?.backward(values);
  return { matrix, weights: { rows, columns, values } };
}

function codesOf(
  weights: Matrix,
  { type, method, gptq }: FourBitSpec,
  engine: FourBitEngine & Pick<PruningEngine, 'inverseFactor'>,
  inputs: () => Hessian | null,
): FourBitMatrix {
  const hessian = gptq === null ? null : inputs();
  if (gptq === null || hessian === null) return engine.round(weights, type, method !== 'nearest');
  return engine.gptq(weights, engine.inverseFactor(hessian, gptq.dampening), type, gptq.blockColumns);
}

function checkLayer(name: string, { columns, values }: Matrix, spec: FourBitSpec): void {
  const block = inputsOfBlock(spec);
  if (columns % block !== 0) {
    const message = `${name} has rows of ${columns} weights, which blocks of ${block} do not divide`;
    throw failed(
      'impossible-combination',
      message,
      `Leave this layer out with exclude, or choose another type.`,
    );
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const where = `row ${Math.floor(bad / columns)}, column ${bad % columns}`;
    throw failed(
      'model-unsupported',
      `${name}: the weight in ${where} is ${values[bad]}`,
      'Check the model file.',
    );
  }
}

/** @returns Σ (w − w′)² and Σ w². */
export function weightErrors(
  weights: Matrix,
  quantized: Matrix,
): { readonly error: number; readonly size: number } {
  let [error, size] = [0, 0];
  for (let i = 0; i < weights.values.length; i++) {
    const weight = weights.values[i]!;
    error += (weight - quantized.values[i]!) ** 2;
    size += weight ** 2;
  }
  return { error, size };
}
