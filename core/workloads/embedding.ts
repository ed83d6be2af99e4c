import { z } from 'zod';
import { integerBetween } from '../bounds.js';
import { POOLINGS } from '../ranking/definition.js';
import { EVERY_ROW, type WorkloadKind } from './workload.js';

/** Texts of one length into vectors, again and again. */
export const embedding = {
  kind: 'embedding',
  summary:
    'vectors of texts, made again and again of random tokens: texts and tokens per second by length and batch',
  options: z.strictObject({
    texts: integerBetween(1, 65_536).default(1).describe('Texts of one run.'),
    textTokens: integerBetween(1, 1_048_576)
      .default(128)
      .describe('Tokens of each text, those around it included.'),
    pooling: z
      .enum(POOLINGS)
      .default('model')
      .describe('How the states of tokens become one vector; model = as its file says.'),
    textSeed: integerBetween(0, 0xffff_ffff).default(1).describe('Seed of the random inputs.'),
  }),
  needs: 'embedder',
  lessMemory: 'Lower texts or textTokens.',
  rules: [],
  objectives: [{ metric: 'itemsPerSecond', better: 'max' }],
  gives: {
    model: EVERY_ROW,
    inference: EVERY_ROW,
  },
  keyMetrics: ['itemsPerSecond', 'itemTokensPerSecond'],
  withinContext: (written, contextLength) =>
    written.has('textTokens') || contextLength >= 128 ? {} : { textTokens: contextLength },
  alsoKnownAs: { batchTexts: 'texts', maxLength: 'textTokens' },
} satisfies WorkloadKind;
