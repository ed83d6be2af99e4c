import { basename } from 'node:path';
import { failed } from '../../core/errors.js';
import { type FloatType, isFloatType } from '../../core/techniques/float-types.js';
import { isChosen, tensorOf } from '../../core/techniques/pruning/plan.js';
import type { SparsitySpec } from '../../core/techniques/sparsity.js';
import { isExperts, matricesOf } from '../../formats/gguf/experts.js';
import type { FileTensor, GgufFile } from '../../formats/gguf/header.js';

/** A matrix of a block that is multiplied with activations. */
export interface LinearLayer extends FileTensor {
  readonly type: FloatType;
  /** Outputs. */
  readonly rows: number;
  /** Inputs. */
  readonly columns: number;
}

/**
 * Weights of the linear layers of a block; norms and biases are vectors, and a router of experts decides more
 * than it costs.
 */
const MATRIX = /^blk\.\d+\.(?!ffn_gate_inp)[a-z0-9_]+\.weight$/;

/**
 * @returns the layers of a file that are chosen, in file order; of experts each is a layer of its own.
 * @throws FailureError `impossible-combination` when no layer is chosen, `model-unsupported` for layers that
 *   are quantized.
 */
export function chosenLayers(
  path: string,
  header: GgufFile,
  spec: Pick<SparsitySpec, 'layers' | 'exclude'>,
): readonly LinearLayer[] {
  const file = basename(path);
  const all = header.tensors
    .filter((tensor) => MATRIX.test(tensor.name) && (tensor.shape.length === 2 || isExperts(tensor)))
    .flatMap(matricesOf);
  const chosen = all.filter(({ name }) => isChosen(name, spec));
  if (chosen.length === 0) {
    const wanted = `layers=${spec.layers.join()}${spec.exclude.length > 0 ? ` exclude=${spec.exclude.join()}` : ''}`;
    const names = new Set(all.map(({ name }) => tensorOf(name).tensor.replace(/^blk\.\d+\.|\.weight$/g, '')));
    const hint = names.size === 0 ? 'Is it a language model?' : `Its layers are ${[...names].join(', ')}.`;
    throw failed('impossible-combination', `${file} has no linear layer for ${wanted}`, hint);
  }
  const hint = 'Give the f16, bf16 or f32 file; what comes out may be quantized.';
  return chosen.map((tensor) => {
    const { type, name, shape } = tensor;
    if (isFloatType(type)) return { ...tensor, type, rows: shape[1]!, columns: shape[0]! };
    throw failed('model-unsupported', `${name} of ${file} is ${type}, and float weights are needed`, hint);
  });
}
