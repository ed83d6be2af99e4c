import { quantization } from './quantization.js';
import { sparsity } from './sparsity.js';
import type { Technique } from './technique.js';

/** Every technique once, in the order its axes have in a sweep. */
export const TECHNIQUES: readonly Technique[] = [quantization, sparsity];
