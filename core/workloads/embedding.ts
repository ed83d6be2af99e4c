import { z } from 'zod';
import { POOLINGS } from '../ranking/definition.js';
import type { WorkloadKind } from './workload.js';

/** Texts of one length into vectors, again and again. */
export const embedding: WorkloadKind = {
  kind: 'embedding',
  summary:
    'vectors of texts, made again and again of random tokens: texts and tokens per second by length and batch',
  options: z.strictObject({
    texts: z.int().min(1).max(65_536).default(1).describe('Texts of one run.'),
    textTokens: z
      .int()
      .min(1)
      .max(1_048_576)
      .default(128)
      .describe('Tokens of each text, those around it included.'),
    pooling: z
      .enum(POOLINGS)
      .default('model')
      .describe('How the states of tokens become one vector; model = as its file says.'),
    textSeed: z.int().min(0).max(0xffff_ffff).default(1).describe('Seed of the random inputs.'),
  }),
  needs: 'embedder',
  lessMemory: 'Lower texts or textTokens.',
  rules: [],
  objectives: [{ metric: 'itemsPerSecond', better: 'max' }],
  withinContext: (written, contextLength) =>
    written.has('textTokens') || contextLength >= 128 ? {} : { textTokens: contextLength },
  alsoKnownAs: { batchTexts: 'texts', maxLength: 'textTokens' },
};
