import { FailureError } from '../../../core/errors.js';
import type { AnswerRecord, GivenAnswer } from '../../../core/quality/answers/record.js';
import { scoredReadings, scoreNames } from '../../../core/quality/reading/readings.js';
import { extracted } from '../../../core/quality/scorers/index.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import type { TaskItem } from '../../../core/quality/tasks/items.js';
import { boundedWork, CALL_SECONDS } from '../../../formats/bounded-work.js';

/** An answer: the texts that were generated, the one that is quoted first; or the options that were taken. */
export type Answered =
  | { readonly samples: readonly { readonly text: string }[] }
  | { readonly taken: readonly (number | null)[]; readonly said: string | null };

/** What was said, its scores, and what was read in it. */
export interface GivenAndRead {
  readonly given: GivenAnswer;
  readonly read: Readonly<Record<string, string>>;
  readonly absent: Readonly<Record<string, string>>;
}

/**
 * Scores what was answered to an item.
 * @param choiceScores what the options that were taken are scores of, in the order of `taken`.
 */
export function scoreAnswer(
  task: Task,
  item: TaskItem,
  answer: Answered,
  choiceScores: readonly string[],
): GivenAndRead {
  if ('samples' in answer)
    return scoreTexts(
      task,
      item,
      answer.samples.map(({ text }) => text),
    );
  const named = choiceScores.map((name, i) => [name, answer.taken[i] ?? null] as const);
  return scoreOptions(item, answer.said, Object.fromEntries(named));
}

/** Scores what was generated. @param texts all answers, the one that is quoted first. */
function scoreTexts(task: Task, item: TaskItem, texts: readonly string[]): GivenAndRead {
  const { scores, read, absent } = readAnswers(task, item, texts);
  return { given: { answer: texts[0] ?? '', taken: {}, scores: { ...scores } }, read, absent };
}

/** Scores a choice among options. @param taken the option that each score takes. */
function scoreOptions(
  { choices }: TaskItem,
  answer: string | null,
  taken: GivenAnswer['taken'],
): GivenAndRead {
  const right = (option: number | null) => Number(option !== null && choices?.answers.includes(option));
  const scores = Object.fromEntries(Object.entries(taken).map(([name, option]) => [name, right(option)]));
  return { given: { answer, taken, scores }, read: {}, absent: {} };
}

/**
 * @returns the record of a kept answer, scored by the key and the scorers of today. Its question must be the
 *   same still.
 */
export function scoredAgain(task: Task, record: AnswerRecord): AnswerRecord {
  const item = task.items[record.index];
  if (item === undefined) return record;
  const { base, absent: before } = record;
  const scored = ({ answer, taken }: GivenAnswer, of: 'model' | 'base') =>
    item.choices === null ? scoreTexts(task, item, answersIn(record, of)) : scoreOptions(item, answer, taken);
  const own = scored(record, 'model');
  const { extracted: _, ...absent } = before;
  return {
    ...record,
    ...scoredPart(task, item, own),
    ...(base !== undefined && { base: { ...base, ...scored(base, 'base').given } }),
    absent: { ...absent, ...own.absent },
  };
}

/** @returns the part of a record that follows from the answer and its key. */
export function scoredPart(task: Task, item: TaskItem, own: GivenAndRead) {
  return {
    groups: { ...item.groups },
    ...(item.docDigest !== undefined && { docDigest: item.docDigest }),
    ...own.given,
    extracted: extractedFrom(task, item, own),
    readings: task.readings.length > 1 && item.choices === null ? { ...own.read } : undefined,
    references: [...item.references],
    right: item.choices === null ? null : [...item.choices.answers],
  };
}

/** Patterns of a task may take for ever on an answer: then nothing is read in it, and it scores 0. */
function readAnswers({ spec, readings }: Task, item: TaskItem, answers: readonly string[]) {
  const context = item.letters === undefined ? {} : { letters: item.letters };
  const read = (texts: readonly string[]) => scoredReadings(readings, texts, item.references, spec, context);
  try {
    return { ...boundedWork('the reading of an answer', () => read(answers), CALL_SECONDS), absent: {} };
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    const scores = Object.fromEntries(scoreNames(spec, readings).map((name) => [name, 0]));
    return { scores, read: {}, absent: { extracted: error.failure.message } };
  }
}

function extractedFrom(
  { spec, readings }: Task,
  { choices }: TaskItem,
  { given: own, read }: GivenAndRead,
): string | null {
  const { answer, taken } = own;
  if (choices === null) {
    const [first] = readings;
    if (first !== undefined && first.steps.length > 0) return read[first.name ?? ''] ?? null;
    return answer === null ? null : extracted(spec.scorers, answer);
  }
  const option = Object.values(taken)[0] ?? null;
  return option === null ? null : ((choices.texts ?? choices.continuations)[option]?.trim() ?? null);
}

/** @returns all answers of a record, the one that is quoted first. */
export function answersIn(record: AnswerRecord, of: 'model' | 'base'): readonly string[] {
  if (of === 'base') return record.base?.samples ?? [record.base?.answer ?? ''];
  return record.samples?.map(({ answer }) => answer) ?? [record.answer ?? ''];
}
