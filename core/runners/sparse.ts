import { z } from 'zod';
import type { Rule } from '../experiment/rule.js';
import { fileArchitecture } from '../models/conversions.js';
import { BASE, requantizing } from '../techniques/quantization.js';
import { groupsDivideWidth, pruningNeedsFloats } from '../techniques/sparsity.js';
import { isFloat } from '../techniques/tensor-types.js';
import { cpuBackend, poll, threads } from '../work/cpu-options.js';
import { predictMemory } from '../work/memory.js';
import { sparsePasses, sparseType } from '../work/sparse.js';
import { llamaCpp } from './llama-cpp.js';
import { PLAIN, type RunnerKind } from './runner.js';

/**
 * Without zeros, or with every weight: the same arithmetic, so that the two say what leaving out is worth.
 */
const SPARSE_FORMATS = ['bitmap', 'none'] as const;
export type SparseFormat = (typeof SPARSE_FORMATS)[number];

/** Dense decoders that the graphs have a place for every tensor of; Mistral's files say llama. */
const ARCHITECTURES: readonly string[] = ['llama', 'qwen2', 'qwen3'];

/**
 * @returns why the graphs are not those of a model, by what its file says it is and the experts of a layer;
 *   null where they are.
 */
export function whyNotSparse(architecture: string, experts = 0): string | null {
  if (experts > 0) return 'it is a mixture of experts';
  return ARCHITECTURES.includes(architecture)
    ? null
    : `its architecture is ${architecture}, and our own graphs know ${ARCHITECTURES.join(', ')}`;
}

const graphs: Rule = {
  axes: ['model'],
  reason({ model }, facts) {
    const architecture = facts === null ? null : fileArchitecture(facts);
    const why = architecture === null ? null : whyNotSparse(architecture, facts?.experts);
    return why === null ? null : `the runner sparse cannot run model ${model}: ${why}`;
  },
};

/** Weights are packed into sparseType from what the file holds, and quantized ones have few zeros left. */
const packsFloats: Rule = {
  axes: ['model', 'quantization'],
  reason({ model, quantization }, facts) {
    const type = quantization === BASE ? facts?.quantization : quantization;
    if (typeof type !== 'string' || isFloat(type)) return null;
    return `the runner sparse packs float weights, and model ${model} would be ${type}: leave quantization out, and choose the type with sparseType`;
  },
};

/** Decoding with the zeros of pruned weights left out, by graphs and kernels of our own. */
export const sparse = {
  ...PLAIN,
  kind: 'sparse',
  summary: 'decodes pruned Llama-like models without their zeros: our own graphs and kernels on ggml',
  options: z.strictObject({
    sparseFormat: z
      .enum(SPARSE_FORMATS)
      .default('bitmap')
      .describe('How layers with zeros are kept: a bit for each weight and the others, or all (none).'),
    sparseType,
    threads,
    cpuBackend,
    poll,
  }),
  devices: ['cpu'],
  offers: ['generator', 'language-model'],
  formats: ['gguf'],
  techniques: ['quantization', 'sparsity'],
  rules: [requantizing, pruningNeedsFloats, groupsDivideWidth, packsFloats, graphs],
  answerOptions: ['cpuBackend', 'sparseFormat', 'sparseType'],
  // Weights without zeros are a technique, and a base has none.
  plainRunner: llamaCpp.kind,
  memory: predictMemory,
  counting: { by: 'pass', engine: sparsePasses, packed: true },
} satisfies RunnerKind;
