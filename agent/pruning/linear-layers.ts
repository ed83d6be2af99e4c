import { basename } from 'node:path';
import { FailureError, failure } from '../../core/errors.js';
import { type FloatType, isFloatType } from '../../core/techniques/float-types.js';
import { expertName, isChosen } from '../../core/techniques/pruning/plan.js';
import type { SparsitySpec } from '../../core/techniques/sparsity.js';
import type { FileTensor, GgufFile } from '../../formats/gguf/header.js';

/** A matrix of a block that is multiplied with activations. */
export interface LinearLayer extends FileTensor {
  readonly type: FloatType;
  /** Outputs. */
  readonly rows: number;
  /** Inputs. */
  readonly columns: number;
}

/** Weights of the linear layers of a block; norms and biases are vectors, and a router of experts decides more than it costs. */
const MATRIX = /^blk\.\d+\.(?!ffn_gate_inp)[a-z0-9_]+\.weight$/;

/**
 * @returns the layers of a file that are pruned, in file order; of experts each is a layer of its own.
 * @throws FailureError `impossible-combination` when no layer is chosen, `model-unsupported` for layers that are
 * quantized, and for experts under a method that calibrates: each sees other tokens.
 */
export function chosenLayers(path: string, header: GgufFile, spec: SparsitySpec): readonly LinearLayer[] {
  const file = basename(path);
  const tensors = header.tensors.filter(
    ({ name, shape }) => MATRIX.test(name) && (shape.length === 2 || isExperts(name, shape)),
  );
  const experts = tensors.find(({ name, shape }) => isExperts(name, shape) && isChosen(name, spec));
  if (experts !== undefined && spec.calibration !== null)
    throw unsupported(
      `${file} has a mixture of experts (${experts.name}), and each of them sees other tokens: they are pruned without calibration`,
      'Prune by magnitude.',
    );
  const all = tensors.flatMap(expertsOf);
  const chosen = all.filter(({ name }) => isChosen(name, spec));
  if (chosen.length === 0) {
    const wanted = `layers=${spec.layers.join()}${spec.exclude.length > 0 ? ` exclude=${spec.exclude.join()}` : ''}`;
    const names = [...new Set(all.map(({ name }) => name.replace(/^blk\.\d+\.|\.weight$/g, '')))];
    const hint = names.length === 0 ? 'Is it a language model?' : `Its layers are ${names.join(', ')}.`;
    throw new FailureError(
      failure('impossible-combination', `${file} has no linear layer for ${wanted}`, { hint }),
    );
  }
  return chosen.map((tensor) => {
    const { type, name, shape } = tensor;
    if (!isFloatType(type))
      throw unsupported(
        `${name} of ${file} is ${type}, and float weights are pruned`,
        'Prune the f16, bf16 or f32 file, and quantize what comes out.',
      );
    return { ...tensor, type, rows: shape[1]!, columns: shape[0]! };
  });
}

/** The experts of a layer, in one tensor. */
function isExperts(name: string, shape: readonly number[]): boolean {
  return name.endsWith('_exps.weight') && shape.length === 3;
}

/** @returns a tensor of experts as their matrices, which follow each other; any other as it is. */
function expertsOf(tensor: FileTensor): readonly FileTensor[] {
  const { name, shape, offset } = tensor;
  if (!isExperts(name, shape)) return [tensor];
  const [columns = 0, rows = 0, count = 0] = shape;
  const bytes = tensor.bytes / count;
  return Array.from({ length: count }, (_, expert) => ({
    ...tensor,
    ...{ name: expertName(name, expert), shape: [columns, rows], offset: offset + expert * bytes, bytes },
  }));
}

function unsupported(message: string, hint: string): FailureError {
  return new FailureError(failure('model-unsupported', message, { hint }));
}
