import { z } from 'zod';
import { integerBetween, orNull, textUpTo } from '../bounds.js';

/** Options that servers have and the workload `generation`, too, so that one name does for both. */
export const prefixCaching = orNull(z.boolean()).describe(
  'Prompts that begin alike share what was computed of them.',
);

export const speculative = orNull(z.enum(['off', 'draft', 'ngram', 'eagle3', 'mtp'])).describe(
  'Speculative decoding: by a draft model, n-grams of the prompt, EAGLE-3 heads, or multi-token prediction.',
);

export const draftModel = orNull(textUpTo(4096)).describe(
  'Source of the model that drafts, where speculative asks for one.',
);

export const draftTokens = orNull(integerBetween(1, 64)).describe('Tokens that are drafted at once.');
