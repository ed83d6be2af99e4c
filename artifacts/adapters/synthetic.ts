import { failed } from '../../core/errors.js';
import type { SyntheticAdapter } from '../../core/techniques/adapter.js';
import { type AdapterLayer, type LowRankAdapter, targetOf } from '../../core/techniques/adapters/adapter.js';
import { LINEAR_TARGETS } from '../../core/techniques/adapters/names.js';
import type { AdapterBase } from '../../formats/adapters/base.js';
import type { TensorInfo } from '../../formats/gguf/header.js';
import { RandomWords } from '../files/synthetic/random.js';

/** B is made small, so that activations stay finite through any depth. */
const B_BOUND = 0.01;

/**
 * An adapter of random numbers with the shapes that a model asks for: what one costs to run does not depend on what it says.
 * @throws FailureError `impossible-combination` for a target that the model does not have.
 */
export function syntheticAdapter(
  { rank, targets, seed }: SyntheticAdapter,
  { tensors, architecture }: AdapterBase,
): LowRankAdapter {
  const matrices = [...tensors.values()].filter(
    ({ name, shape }) => name.endsWith('.weight') && shape.length === 2 && name !== 'token_embd.weight',
  );
  const known = new Set(matrices.map(({ name }) => targetOf(name)));
  const wanted = targets ?? LINEAR_TARGETS.filter((target) => known.has(target));
  const missing = wanted.filter((target) => !known.has(target));
  if (missing.length > 0 || wanted.length === 0) {
    const what = missing.length > 0 ? missing.join(', ') : LINEAR_TARGETS.join(', ');
    const hint = `Its matrices are ${[...known].sort().join(', ')}.`;
    throw failed('impossible-combination', `the model has no ${what} for a synthetic adapter`, hint);
  }
  const chosen = matrices.filter(({ name }) => wanted.includes(targetOf(name)));
  const layers = new Map(chosen.map((tensor) => [tensor.name, layerOf(tensor, rank, seed)]));
  return { kind: 'lora', architecture, layers, onResidual: null };
}

function layerOf({ name, shape }: TensorInfo, rank: number, seed: number): AdapterLayer {
  const [columns = 0, rows = 0] = shape;
  const numbers = (part: string, count: number, bound: number): Float32Array => {
    const words = new Uint32Array(count);
    RandomWords.for(seed, `${name}/${part}`).fill(words);
    return Float32Array.from(words, (word) => (word / 2 ** 31 - 1) * bound);
  };
  return {
    a: { rows: rank, columns, values: numbers('a', rank * columns, 1 / Math.sqrt(columns)) },
    b: { rows, columns: rank, values: numbers('b', rows * rank, B_BOUND) },
    scale: 1,
    magnitude: null,
  };
}
