import { FailureError, failure } from '../../core/errors.js';
import type { Channel } from '../../process/isolation/channel.js';
import { optionLikelihoods, tokenizeChoices } from './choices.js';
import type { AnswerToScore } from './external-scorer.js';
import { LEAST_CONTEXT, openLanguageModel, withVocabulary } from './language-model.js';
import type { QualityModel } from './measure.js';

export interface JudgeJob {
  readonly model: QualityModel;
  readonly questions: readonly AnswerToScore[];
  /** With `{answer}`, and `{prompt}` and `{references}` where they are wanted; a rating is what the model says next. */
  readonly template: string;
}

/** A score of a question, as soon as it is there. */
export interface ScoreReport {
  readonly type: 'score';
  readonly id: string;
  /** From 0 to 1. */
  readonly score: number;
}

/** Ratings that a judge may give, each one word after the template. */
const RATINGS = Array.from({ length: 10 }, (_, rating) => ` ${rating}`);

/**
 * Lets a model rate answers from 0 to 9. A rating is not drawn: it is the mean of all ratings, each by how likely the model finds it (G-Eval,
 * Liu et al. 2023, arXiv 2303.16634), so that the same judge says the same twice and ties are rare.
 * @returns how many were rated; the scores leave as they come, in the order of the questions.
 * @throws FailureError `impossible-combination` for a model that gives no logits, and whatever opening and evaluating throw.
 */
export async function judgeAnswers(
  { model, questions, template }: JudgeJob,
  channel: Channel<ScoreReport>,
): Promise<number> {
  const items = questions.map((question) => ({
    prompt: promptOf(template, question),
    choices: { continuations: RATINGS, answers: [] },
  }));
  const tokenized = await withVocabulary(model, ({ text }) =>
    items.map((item) => tokenizeChoices(text, item)),
  );
  const longest = tokenized.reduce((most, item) => Math.max(most, item.longest), LEAST_CONTEXT);
  const judge = await openLanguageModel({ ...model, contextTokens: longest });
  try {
    for (const [index, item] of tokenized.entries()) {
      const reason = channel.stopReason();
      if (reason !== null) throw new FailureError(failure('cancelled', reason));
      const ratings = optionLikelihoods(judge, item).map(({ logProbability }) => logProbability);
      channel.send({ type: 'score', id: questions[index]!.id, score: meanRating(ratings) });
      await channel.rest();
    }
    return tokenized.length;
  } finally {
    judge.close();
  }
}

/** @returns what a judge reads: fields of the template filled in, once each, whatever the texts themselves hold. */
export function promptOf(template: string, { prompt, answer, references }: AnswerToScore): string {
  const fields: Readonly<Record<string, string>> = { prompt, answer, references: references.join('\n') };
  return template.replace(/\{(prompt|answer|references)\}/g, (_, name: string) => fields[name]!);
}

/** @param logProbabilities of the ratings, from the worst to the best, up to a common constant. @returns their mean, 0 to 1. */
export function meanRating(logProbabilities: readonly number[]): number {
  const most = Math.max(...logProbabilities);
  const weights = logProbabilities.map((value) => Math.exp(value - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  const mean = weights.reduce((total, weight, rating) => total + weight * rating, 0) / sum;
  return mean / (logProbabilities.length - 1);
}
