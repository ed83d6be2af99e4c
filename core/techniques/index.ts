import type { TechniqueChoice } from '../experiment/experiment.js';
import { adapter } from './adapter.js';
import { attention } from './attention.js';
import { layers } from './layers.js';
import { quantization } from './quantization.js';
import { sparsity } from './sparsity.js';
import type { Technique } from './technique.js';

/** Every technique once, in the order its axes have in a sweep. */
export const TECHNIQUES: readonly Technique[] = [quantization, sparsity, attention, layers, adapter];

/** The model as it is. */
export const UNCHANGED = Object.fromEntries(
  TECHNIQUES.map(({ name, fallback }) => [name, fallback]),
) as unknown as TechniqueChoice;
