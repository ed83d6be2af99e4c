import { failed } from '../../../core/errors.js';
import {
  isPairwise,
  type JudgeDefinition,
  type Rubric,
  rubricOf,
} from '../../../core/quality/judging/definition.js';
import { gamesOf, gradeIn, type Verdict, verdictIn } from '../../../core/quality/judging/reading.js';
import type { Channel } from '../../../process/isolation/channel.js';
import { optionLikelihoods, tokenizeChoices } from '../asking/choices.js';
import { generate } from '../asking/generation.js';
import {
  type LanguageModel,
  LEAST_CONTEXT,
  openLanguageModel,
  type QualityModel,
  withVocabulary,
} from '../asking/language-model.js';
import { readerOf } from '../asking/own-model.js';
import { promptText, promptTokens } from '../asking/prompts.js';
import type { AnswerToScore } from '../scoring/external-scorer.js';

export interface JudgeJob {
  readonly model: QualityModel;
  readonly questions: readonly AnswerToScore[];
  readonly judge: JudgeDefinition;
}

/** A score of a question, as soon as it is there. */
export type ScoreReport = { readonly type: 'score'; readonly id: string } & JudgedScore;

/** From 0 to 1; or why there is none. */
export type JudgedScore =
  | { readonly score: number; readonly flipped?: boolean }
  | { readonly score: null; readonly reason: string };

/**
 * Lets a model rate answers. By likelihood a rating is not drawn: it is the mean of all ratings, each by how
 * likely the model finds it (G-Eval, Liu et al. 2023, arXiv 2303.16634), so that the same judge says the same
 * twice and ties are rare; else it says what it thinks, greedily, and the grade is read there. Two answers
 * are shown in both orders: of an order alone a judge prefers a place.
 * @returns how many were rated; the scores leave as they come, in the order of the questions.
 * @throws FailureError `impossible-combination` for a model that gives no logits, and whatever opening and
 *   evaluating throw.
 */
export async function judgeAnswers(
  { model, questions, judge }: JudgeJob,
  channel: Channel<ScoreReport>,
): Promise<number> {
  const asked = questions.map((question) => promptsOf(judge, question));
  const contextTokens = await withVocabulary(model, (vocabulary) =>
    asked.reduce((most, one) => Math.max(most, tokensFor(vocabulary, judge, one)), LEAST_CONTEXT),
  );
  const open = await openLanguageModel({ ...model, contextTokens });
  try {
    for (const [index, one] of asked.entries()) {
      const reason = channel.stopReason();
      if (reason !== null) throw failed('cancelled', reason);
      const score = judged(open, judge, one);
      channel.send({ type: 'score', id: questions[index]!.id, ...score });
      await channel.rest();
    }
    return asked.length;
  } finally {
    open.close();
  }
}

interface Prompts {
  readonly rubric: Rubric;
  /** One, or of two answers one for each order. */
  readonly texts: readonly string[];
}

function promptsOf(judge: JudgeDefinition, question: AnswerToScore): Prompts {
  const rubric = rubricOf(judge, question);
  const fill = (swapped: boolean) => promptOf(rubric.prompt, question, swapped);
  return { rubric, texts: isPairwise(judge) ? [fill(false), fill(true)] : [fill(false)] };
}

/**
 * @returns what a judge reads: fields of the template filled in, once each, whatever the texts themselves
 *   hold.
 * @param swapped of two answers the other one comes first.
 */
export function promptOf(
  template: string,
  { prompt, answer, references }: AnswerToScore,
  swapped = false,
): string {
  const other = references[0] ?? '';
  const fields: Readonly<Record<string, string>> = {
    prompt,
    answer,
    references: references.join('\n'),
    first: swapped ? other : answer,
    second: swapped ? answer : other,
  };
  return template.replace(
    /\{\{|\}\}|\{(prompt|answer|references|first|second)\}/g,
    (place, name: string | undefined) => (name === undefined ? place[0]! : fields[name]!),
  );
}

const LETTERS = [' A', ' B'];

/** Ratings that are compared by how likely they are, each one word after the prompt. */
function ratingsOf(judge: JudgeDefinition, { scale: [from, to] }: Rubric): readonly string[] {
  if (isPairwise(judge)) return LETTERS;
  return Array.from({ length: to - from + 1 }, (_, i) => ` ${from + i}`);
}

const choiceOf = (judge: JudgeDefinition, rubric: Rubric, prompt: string) => ({
  prompt,
  choices: { continuations: ratingsOf(judge, rubric), answers: [] },
});

function tokensFor(model: LanguageModel, judge: JudgeDefinition, { rubric, texts }: Prompts): number {
  const lengths = texts.map((prompt) =>
    judge.reads === 'likelihood'
      ? tokenizeChoices(model.text, choiceOf(judge, rubric, prompt)).longest
      : writtenTo(model, prompt).length + judge.maxTokens,
  );
  return Math.max(...lengths);
}

function judged(model: LanguageModel, judge: JudgeDefinition, { rubric, texts }: Prompts): JudgedScore {
  if (isPairwise(judge)) {
    const [first, second] = texts.map((prompt) => verdictOf(model, judge, rubric, prompt));
    if (first === null || second === null)
      return { score: null, reason: 'there is no verdict in what it said' };
    return gamesOf(first!, second!, judge.games);
  }
  const [prompt = ''] = texts;
  if (typeof judge.reads === 'string')
    return { score: meanRating(likelihoods(model, judge, rubric, prompt)) };
  const grade = gradeIn(judgeText(model, judge, prompt), judge.reads, rubric.scale);
  return typeof grade === 'string' ? { score: null, reason: grade } : { score: grade };
}

function verdictOf(
  model: LanguageModel,
  judge: JudgeDefinition,
  rubric: Rubric,
  prompt: string,
): Verdict | null {
  if (judge.reads !== 'likelihood') return verdictIn(judgeText(model, judge, prompt));
  const [a, b] = likelihoods(model, judge, rubric, prompt);
  return a! > b! ? 'A>B' : a! < b! ? 'B>A' : 'A=B';
}

function likelihoods(model: LanguageModel, judge: JudgeDefinition, rubric: Rubric, prompt: string): number[] {
  const cut = tokenizeChoices(model.text, choiceOf(judge, rubric, prompt));
  return optionLikelihoods(model, cut).map(({ logProbability }) => logProbability);
}

function judgeText(model: LanguageModel, { maxTokens, stop }: JudgeDefinition, prompt: string): string {
  return generate(model, writtenTo(model, prompt), { maxTokens, stop }).text;
}

/** @returns the tokens of a request to a model: by its own chat template, where it has one. */
function writtenTo(model: LanguageModel, content: string): Int32Array {
  const reader = readerOf(model);
  const prompt = reader.chat == null ? content : [{ role: 'user' as const, content }];
  return promptTokens(reader, prompt, promptText(reader, prompt));
}

/**
 * @param logProbabilities of the ratings, from the worst to the best, up to a common constant.
 * @returns their mean, 0 to 1.
 */
export function meanRating(logProbabilities: readonly number[]): number {
  const most = Math.max(...logProbabilities);
  const weights = logProbabilities.map((value) => Math.exp(value - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  const mean = weights.reduce((total, weight, rating) => total + weight * rating, 0) / sum;
  return mean / (logProbabilities.length - 1);
}
