import type { TechniqueChoice } from '../experiment/experiment.js';
import { adapter } from './adapter.js';
import { attention } from './attention.js';
import { layers } from './layers.js';
import { quantization } from './quantization.js';
import { sparsity } from './sparsity.js';
import type { Technique } from './technique.js';

/** Every technique once, in the order its axes have in a sweep. */
export const TECHNIQUES: readonly Technique[] = [quantization, sparsity, attention, layers, adapter];

/** @returns what a model is varied by, with a word for each technique. */
export function techniqueChoice(wordOf: (technique: Technique) => string): TechniqueChoice {
  return {
    quantization: wordOf(quantization),
    sparsity: wordOf(sparsity),
    attention: wordOf(attention),
    layers: wordOf(layers),
    adapter: wordOf(adapter),
  };
}

/** The model as it is. */
export const UNCHANGED = techniqueChoice(({ fallback }) => fallback);
