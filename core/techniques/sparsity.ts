import { z } from 'zod';
import type { Technique } from './technique.js';

/** No weight is pruned. */
export const DENSE = 'none';

const LATER = 'pruning is not available in this release; remove it or write none';

export const sparsity: Technique = {
  name: 'sparsity',
  value: z
    .enum([DENSE])
    .default(DENSE)
    .describe('How weights are pruned before they are quantized; only `none` in this release.'),
  refused: new Map(
    ['magnitude', 'wanda', 'sparsegpt', 'dsnot', '2:4', '4:8', 'unstructured'].map((name) => [name, LATER]),
  ),
  alsoKnownAs: { dense: DENSE, base: DENSE },
};
