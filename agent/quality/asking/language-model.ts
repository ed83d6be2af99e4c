import { failed } from '../../../core/errors.js';
import { RUNNERS } from '../../../core/runners/index.js';
import { loadRunner } from '../../../engines/runners/index.js';
import type { LanguageModel } from '../../../engines/runners/opened.js';
import { type LanguageModelRequest, open } from '../../../engines/runners/runner.js';

export type { LanguageModel } from '../../../engines/runners/opened.js';
export type AskedRequest = LanguageModelRequest & { readonly runnerKind: string };

/** A model to ask; how long a context it needs follows from the questions. */
export type QualityModel = Omit<AskedRequest, 'contextTokens'>;

/** Runners that can be asked about text. */
const ABLE = RUNNERS.filter(({ offers }) => offers.includes('language-model')).map(({ kind }) => kind);

/**
 * Opens a model to be asked about text.
 * @throws FailureError `impossible-combination` for a runner without logits.
 */
export async function openLanguageModel({ runnerKind, ...request }: AskedRequest): Promise<LanguageModel> {
  if (ABLE.includes(runnerKind)) return await open(await loadRunner(runnerKind), 'language-model', request);
  const message = `the runner ${runnerKind} gives no logits of text, so it has no quality to measure`;
  const hint = `Use the runner ${ABLE.join(' or ')}.`;
  throw failed('impossible-combination', message, hint);
}

/** A context that is only there to reach the vocabulary. */
export const LEAST_CONTEXT = 256;

/**
 * Opens a model for its vocabulary alone: how long a context has to be is known once everything is cut into
 * tokens.
 * @returns what `cut` makes of it; the model is closed then.
 * @throws FailureError as `openLanguageModel`, and what `cut` throws.
 */
export async function withVocabulary<T>(request: QualityModel, cut: (model: LanguageModel) => T): Promise<T> {
  const model = await openLanguageModel({ ...request, contextTokens: LEAST_CONTEXT });
  try {
    return cut(model);
  } finally {
    model.close();
  }
}

/**
 * @throws FailureError when two models do not share a vocabulary: their logits then mean different tokens.
 */
export function requireSameVocabulary(base: LanguageModel, candidate: LanguageModel, sample: string): void {
  const [a, b] = [base.text.tokenize(sample, true), candidate.text.tokenize(sample, true)];
  const sizes = [base.facts.vocabularySize, candidate.facts.vocabularySize];
  if (sizes[0] === sizes[1] && a.length === b.length && a.every((token, i) => token === b[i])) return;
  const why =
    sizes[0] === sizes[1] ? 'they cut the same text differently' : `${sizes[0]} and ${sizes[1]} tokens`;
  const message = `the base and the model have different vocabularies (${why})`;
  const hint = 'Name the model that this one was made from as the base.';
  throw failed('impossible-combination', message, hint);
}
