import { lastNumber } from '../scorers/numeric.js';
import { squadNormal } from '../scorers/words.js';
import type { AnswerRecord } from './record.js';

/** @returns a text as a class: the option as it stands, else SQuAD's normal form; '' = nothing. */
export function classOf({ right }: Pick<AnswerRecord, 'right'>, text: string | null): string {
  if (text === null) return '';
  return right === null ? squadNormal(text) || text.trim() : text.trim();
}

/** @returns the number that was said, and the one that is right; null = there is none. */
export function numbersOf({ extracted, answer, references }: AnswerRecord): {
  readonly said: number | null;
  readonly truth: number | null;
} {
  const labelOf = (text: string | null | undefined) =>
    text === null || text === undefined ? null : lastNumber(text);
  return { said: labelOf(extracted) ?? labelOf(answer), truth: labelOf(references[0]) };
}

/** @returns the probability of each option among those of the item; null where they were not compared. */
export function optionProbabilities({ options }: Pick<AnswerRecord, 'options'>): readonly number[] | null {
  const sums = (options ?? []).flatMap(({ logProbability }) => logProbability ?? []);
  if (sums.length === 0 || sums.length < (options?.length ?? 0)) return null;
  const most = Math.max(...sums);
  const weights = sums.map((value) => Math.exp(value - most));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}
