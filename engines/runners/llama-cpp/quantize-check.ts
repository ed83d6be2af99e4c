import { type FailureError, failed } from '../../../core/errors.js';
import type { QuantizationSpec } from '../../../core/techniques/quantization.js';
import { knownTensorType } from '../../../core/techniques/tensor-types.js';
import type { TensorInfo } from '../../../formats/gguf/header.js';

import type { ImportanceMatrix } from './imatrix.js';

const OUTPUT = 'output.weight';
const EMBEDDING = 'token_embd.weight';

/** One thing that was asked of single tensors, and the tensors it is about. */
interface Asked {
  /** As it is written: `attn_v:q8_0`. */
  readonly option: string;
  readonly type: string;
  readonly names: readonly string[];
}

/**
 * What llama.cpp would pass over in silence or abort on, held against the tensors of a model.
 * @throws FailureError `impossible-combination`: an override that no tensor has, a type whose blocks are
 * wider than the rows of a vocabulary matrix, a matrix that no importance covers.
 */
export function checkTensorTypes(spec: QuantizationSpec, tensors: readonly TensorInfo[]): void {
  for (const { option: spelling, type, names } of askedOf(spec, tensors)) {
    if (names.length === 0) {
      // Said afterwards: a sweep may cross it with models whose output is their token embedding.
      if (spelling === outputWord(spec)) continue;
      const hint =
        'Names are like blk.0.attn_v.weight; `ridge models FILE` shows them. Of several overrides the first that matches a tensor counts.';
      throw refusal(`${spelling} matches no matrix of the model`, hint);
    }
    const vocabulary = names.find((name) => name === EMBEDDING || name === OUTPUT);
    if (vocabulary === undefined) continue;
    const { needsMatrix, blockWeights } = knownTensorType(type);
    const uncovered = `${spelling} would make ${vocabulary} ${type}, and no importance matrix covers it`;
    if (needsMatrix === 'ggml')
      throw refusal(uncovered, 'Choose a pattern that leaves it out, or give outputType and embeddingType.');
    const row = tensors.find(({ name }) => name === vocabulary)?.shape[0] ?? 0;
    // llama-quant.cpp looks for a type that fits for every matrix but these two, and aborts.
    const wide = `${spelling}: rows of ${vocabulary} have ${row} weights, and ${type} keeps blocks of ${blockWeights}`;
    if (row % blockWeights !== 0 && !spelling.includes(':'))
      throw refusal(wide, 'Choose a type of smaller blocks, such as q8_0.');
  }
}

/** @returns a sentence for everything asked of single tensors that they did not get. */
export function notGiven(
  spec: QuantizationSpec,
  before: readonly TensorInfo[],
  after: readonly TensorInfo[],
): readonly string[] {
  const types = new Map(after.map(({ name, type }) => [name, type]));
  return askedOf(spec, before).flatMap(({ option: spelling, type, names }) => {
    const none = `${spelling}: the model has no output matrix of its own, and its token embedding got another type`;
    if (names.length === 0) return [none];
    const others = names.filter((name) => types.get(name) !== type);
    if (others.length === 0) return [];
    const got = [...new Set(others.map((name) => types.get(name)))].join(', ');
    return [`${spelling}: ${others.length} of ${names.length} tensors got ${got} instead`];
  });
}

/**
 * Holds an importance matrix against the matrices that it should cover; the vocabulary's have none.
 * @returns a sentence when some are left out, which are then quantized without, and one for experts that no
 *   token reached.
 * @throws FailureError `impossible-combination` for a matrix of another model.
 */
export function checkMatrix(
  file: string,
  { means, uncounted }: ImportanceMatrix,
  tensors: readonly TensorInfo[],
): readonly string[] {
  const all = tensors.filter(isMatrix).filter(({ name }) => name !== OUTPUT && name !== EMBEDDING);
  const covered = all.filter(({ name }) => means.has(name)).length;
  if (covered === 0 && all.length > 0) {
    throw refusal(`${file} covers no matrix of this model`, 'Make it from the model that is quantized.');
  }
  const { matrices, of } = uncounted;
  const left = `${file} covers ${covered} of ${all.length} matrices; the others are quantized without`;
  const unreached = `no token of ${file} reached ${matrices} of ${of} matrices of experts; all of their inputs weigh alike`;
  return [...(covered === all.length ? [] : [left]), ...(matrices === 0 ? [] : [unreached])];
}

const outputWord = ({ outputType }: QuantizationSpec): string => `outputType=${outputType}`;

/** In the order in which llama-quant.cpp (llama_tensor_get_type) looks at them. */
function askedOf(spec: QuantizationSpec, tensors: readonly TensorInfo[]): readonly Asked[] {
  const free = new Set(tensors.filter(isMatrix).map(({ name }) => name));
  const tied = !free.has(OUTPUT);
  const asked: Asked[] = [];
  const take = (spelling: string, type: string, matches: (name: string) => boolean) => {
    const names = [...free].filter(matches);
    for (const name of names) free.delete(name);
    asked.push({ option: spelling, type, names });
  };
  const { embeddingType, outputType, tensorTypes } = spec;
  if (embeddingType !== null)
    take(`embeddingType=${embeddingType}`, embeddingType, (name) => name === EMBEDDING);
  if (outputType !== null) {
    // One matrix for both: the token embedding is the output, unless it was given a type of its own.
    take(outputWord(spec), outputType, (name) => name === (tied ? EMBEDDING : OUTPUT));
  }
  for (const { pattern, type } of tensorTypes) {
    const expression = new RegExp(pattern);
    take(`${pattern}:${type}`, type, (name) => expression.test(name));
  }
  return asked;
}

/** llama-quant.cpp, tensor_allows_quantization: what it never touches in a language model of ours. */
function isMatrix({ name, shape }: TensorInfo): boolean {
  const rows = shape.slice(1).reduce((product, length) => product * length, 1);
  return rows > 1 && name.endsWith('weight') && !/_norm\.weight|ffn_gate_inp\.weight|ssm_conv1d/.test(name);
}

function refusal(message: string, hint: string): FailureError {
  return failed('impossible-combination', message, hint);
}
