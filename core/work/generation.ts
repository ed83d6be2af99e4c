import { z } from 'zod';
import { integerBetween, numberBetween, orNull, textUpTo } from '../bounds.js';
import type { AxisValue } from '../experiment/experiment.js';
import { BUILTIN_TEXT } from '../techniques/calibration-spec.js';
import { draftModel, draftTokens, prefixCaching, speculative } from './drafting-options.js';
import { latencyOptions } from './latency.js';

/** Drafted at once where a sweep does not say. */
export const DRAFT_TOKENS = 4;
/** Tokens that have to agree for an n-gram draft, where a sweep does not say. */
export const NGRAM_TOKENS = 3;

const { promptTokens, generateTokens, parallel } = latencyOptions.shape;

/** Of the workload `generation`: one field an option; field order is axis order. */
export const generationOptions = z.strictObject({
  promptText: textUpTo(4096)
    .default(BUILTIN_TEXT)
    .describe(`What prompts are cut from: \`${BUILTIN_TEXT}\`, or a path below a model folder of the node.`),
  promptTokens,
  generateTokens,
  parallel,
  sharedTokens: integerBetween(0, 1_048_576).default(0).describe('Tokens that all prompts begin with alike.'),
  prefixCaching,
  speculative,
  draftModel,
  draftTokens,
  draftProbability: orNull(numberBetween(0, 1)).describe(
    'Of a draft model: a draft ends before a token to which the model gives less than this probability; null = 0.',
  ),
  ngramTokens: orNull(integerBetween(1, 16)).describe(
    `Of n-grams: how many tokens at the end have to stand earlier in the text; null = ${NGRAM_TOKENS}.`,
  ),
});

export type GenerationOptions = Readonly<z.output<typeof generationOptions>>;

/** How answers are drafted. */
export type Drafting =
  | { readonly by: 'model'; readonly tokens: number; readonly probability: number }
  | { readonly by: 'ngram'; readonly tokens: number; readonly ngram: number };

/** @returns whether a value of `speculative` asks for drafts. */
export const asksDrafts = (speculative: AxisValue | undefined) =>
  speculative != null && speculative !== 'off';

/** @returns how a point drafts; null = it does not. */
export function draftingOf({
  speculative,
  draftTokens,
  draftProbability,
  ngramTokens,
}: Pick<
  GenerationOptions,
  'speculative' | 'draftTokens' | 'draftProbability' | 'ngramTokens'
>): Drafting | null {
  const tokens = draftTokens ?? DRAFT_TOKENS;
  if (speculative === 'draft') return { by: 'model', tokens, probability: draftProbability ?? 0 };
  if (speculative === 'ngram') return { by: 'ngram', tokens, ngram: ngramTokens ?? NGRAM_TOKENS };
  // A sweep that asks for heads of the model itself was refused.
  return null;
}
