import { numberOn, type Rule, refuse } from '../experiment/rule.js';
import { aliases } from '../input/aliases.js';
import { asksDrafts, DRAFT_TOKENS, generationOptions } from '../work/generation.js';
import { EVERY_ROW, type WorkloadKind } from './workload.js';

const withinContext: Rule = {
  axes: ['model', 'promptTokens', 'generateTokens'],
  reason(values, facts) {
    const context = facts?.contextLength ?? null;
    const needed = (numberOn(values, 'promptTokens') ?? 0) + (numberOn(values, 'generateTokens') ?? 0);
    return context !== null && needed > context
      ? `promptTokens + generateTokens is more than the ${context} tokens that model ${values.model} was trained for: lower one of them`
      : null;
  },
};

const somethingToDo = refuse(
  ['promptTokens', 'generateTokens'],
  ({ promptTokens, generateTokens }) => promptTokens === 0 || Number(generateTokens) < 2,
  'an answer needs a prompt, and decoding begins with its second token: set promptTokens to 1 or more, and generateTokens to 2 or more',
);

const sharedIsLess = refuse(
  ['promptTokens', 'sharedTokens'],
  (values) => {
    const shared = numberOn(values, 'sharedTokens') ?? 0;
    return shared > 0 && shared >= (numberOn(values, 'promptTokens') ?? 0);
  },
  'sharedTokens is the whole prompt or more, and prompts have to end differently: lower it, or raise promptTokens',
);

const headsAreOfServers = refuse(
  ['speculative'],
  ({ speculative }) => speculative === 'eagle3' || speculative === 'mtp',
  ({ speculative }) =>
    `speculative ${speculative} drafts with heads that servers alone run here: set speculative to draft or ngram, or use the workload serving`,
);

const draftNeedsModel = refuse(
  ['speculative', 'draftModel'],
  ({ speculative, draftModel }) => (speculative === 'draft') !== (draftModel !== null),
  ({ speculative }) =>
    speculative === 'draft'
      ? 'speculative draft needs a model that drafts: set draftModel, or speculative to ngram'
      : 'draftModel drafts where speculative is draft: set that, or leave draftModel out',
);

const tokensNeedDrafts = refuse(
  ['speculative', 'draftTokens'],
  ({ speculative, draftTokens }) => !asksDrafts(speculative) && draftTokens !== null,
  'draftTokens needs speculative decoding: set speculative, or leave draftTokens out',
);

const probabilityIsOfModels = refuse(
  ['speculative', 'draftProbability'],
  ({ speculative, draftProbability }) => speculative !== 'draft' && draftProbability !== null,
  'draftProbability is that of a draft model: set speculative to draft, or leave draftProbability out',
);

const ngramsAreOfText = refuse(
  ['speculative', 'ngramTokens'],
  ({ speculative, ngramTokens }) => speculative !== 'ngram' && ngramTokens !== null,
  'ngramTokens is of n-grams: set speculative to ngram, or leave ngramTokens out',
);

/** The last step verifies no more than the answer still lacks. */
const draftsWithinAnswer = refuse(
  ['speculative', 'draftTokens', 'generateTokens'],
  (values) =>
    asksDrafts(values.speculative) &&
    (numberOn(values, 'draftTokens') ?? DRAFT_TOKENS) + 2 > (numberOn(values, 'generateTokens') ?? 0),
  'an answer of generateTokens has no room for a draft of draftTokens: lower draftTokens, or raise generateTokens',
);

const withoutDrafts: NonNullable<WorkloadKind['gives']['drafts']> = (valuesOf) =>
  valuesOf('speculative').some(asksDrafts) ? null : 'speculative is off';

/** Prompts that are continued greedily, with drafts that are verified, or without. */
export const generation = {
  kind: 'generation',
  summary:
    'prompts of a text, continued greedily, several at once: with speculative decoding or without, checked against plain decoding',
  options: generationOptions,
  needs: 'greedy-generator',
  lessMemory: 'Lower promptTokens, generateTokens or parallel, or choose a smaller quantization.',
  rules: [
    somethingToDo,
    withinContext,
    sharedIsLess,
    headsAreOfServers,
    draftNeedsModel,
    tokensNeedDrafts,
    probabilityIsOfModels,
    ngramsAreOfText,
    draftsWithinAnswer,
  ],
  objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
  gives: {
    model: EVERY_ROW,
    tokens: EVERY_ROW,
    prefill: EVERY_ROW,
    prompt: EVERY_ROW,
    decode: EVERY_ROW,
    output: EVERY_ROW,
    drafts: withoutDrafts,
    draftSteps: withoutDrafts,
  },
  keyMetrics: ['decodeTokensPerSecond', 'acceptanceLength', 'draftAcceptanceRatio'],
  withinContext: (written, contextLength) =>
    written.has('promptTokens') || written.has('generateTokens') || contextLength >= 256
      ? {}
      : { promptTokens: Math.ceil(contextLength / 2), generateTokens: Math.floor(contextLength / 4) },
  alsoKnownAs: aliases({
    promptTokens: ['p', 'n_prompt', 'isl'],
    generateTokens: ['n', 'n_gen', 'osl'],
    parallel: ['npl', 'sequences'],
    draftTokens: ['num_speculative_tokens', 'speculate'],
  }),
} satisfies WorkloadKind;
