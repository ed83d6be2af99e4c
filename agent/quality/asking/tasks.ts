import { createHash } from 'node:crypto';
import { ANSWER_SCHEMA, type AnswerRecord, type GivenAnswer } from '../../../core/quality/answers/record.js';
import type { TaskOutcome } from '../../../core/quality/outcome.js';
import { scoreNames } from '../../../core/quality/reading/readings.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import type { TaskItem } from '../../../core/quality/tasks/items.js';
import type { ChatTemplate } from '../../../core/serving/tokenizer.js';
import { monotonicSeconds, wholeNanoseconds } from '../../../process/isolation/clock.js';
import { scoreAnswer, scoredPart } from '../scoring/answers.js';
import { type JudgedScores, judgedScores } from '../scoring/judged.js';
import type { Scorers } from '../scoring/scorers.js';
import { chanceOf, ScoreTable, taskScores } from '../scoring/task-scores.js';
import type { Watch } from '../watch.js';
import type { Journal } from './journal.js';
import { promptText } from './prompts.js';
import type { Respondent } from './respondent.js';
import { Spent } from './spent.js';

/** Who answers, who judges, and where answers are kept as they come. */
export interface Asking {
  readonly model: Respondent;
  /** null = nothing to compare with. */
  readonly base: Respondent | null;
  /** Of the model; null = it has none, or nobody here knows it. */
  readonly chat: ChatTemplate | null;
  readonly scorers: Scorers;
  readonly journal: Journal;
  readonly watch: Watch;
}

/**
 * Asks every item that the journal has no answer to, of a model, and of the base when there is one. Answers
 * go into the journal; of each, numbers alone are kept here.
 * @returns the outcome, and by external scorer what it judged, by index.
 */
export async function measureTask(
  task: Task,
  asking: Asking,
): Promise<{ readonly outcome: TaskOutcome; readonly judged: JudgedScores }> {
  const { model, base, journal, watch } = asking;
  const { spec, items } = task;
  const names = spec.mode === 'generate' ? scoreNames(spec, task.readings) : model.choiceScores;
  const own = new ScoreTable(names, items.length);
  const ofBase = base === null ? null : new ScoreTable(names, items.length);
  const spent = new Spent();
  const take = (record: AnswerRecord) => {
    const { index, scores, base: other } = record;
    own.set(index, scores);
    spent.add(record);
    if (other !== undefined) ofBase?.set(index, other.scores);
  };
  const askThoseWithout = async (has: (index: number) => boolean) => {
    for (let i = 0; i < items.length; i++) {
      if (has(i)) continue;
      const record = await answerTo(task, i, asking);
      journal.append(record);
      take(record);
      watch.progress({ what: task.name, done: i + 1, total: items.length, value: own.mean });
      await watch.checkStop();
    }
  };
  await askThoseWithout((index) => journal.has(task.name, index));
  if (!own.isFull) {
    // Not before: whoever was interrupted would wait for all of them to be read.
    for (const record of journal.answers(task.name))
      if (record.index < items.length && !own.has(record.index)) take(record);
    // A line that turned out to be damaged.
    await askThoseWithout((index) => own.has(index));
    watch.progress({ what: task.name, done: items.length, total: items.length, value: own.mean });
    await watch.checkStop();
  }
  const judging = { scorers: asking.scorers, answers: () => journal.answers(task.name), watch };
  const judgedOf = async (of: 'model' | 'base') =>
    spec.mode === 'generate' ? await judgedScores(task, of, judging) : {};
  const judged = await judgedOf('model');
  own.putJudged(judged);
  ofBase?.putJudged(await judgedOf('base'));
  const scores = taskScores(task, names, own, ofBase);
  const asked = task.way === null ? {} : { task: task.task, way: task.way };
  const facts = { items: items.length, chance: chanceOf(task), perItem: spent.perItem };
  const outcome = { name: task.name, ...asked, ...facts, scores };
  return { outcome, judged };
}

async function answerTo(
  task: Task,
  index: number,
  { model, base, journal, chat }: Asking,
): Promise<AnswerRecord> {
  const item = task.items[index]!;
  const began = monotonicSeconds();
  const { answer, samples } = await askOnce(item, index, model);
  const seconds = wholeNanoseconds(monotonicSeconds() - began);
  const { tokensIn, tokensOut, secondsToFirst } = answer;
  const options = 'options' in answer ? answer.options : null;
  const own = scoreAnswer(task, item, answer, model.choiceScores);
  const ofBase = base === null ? null : await answerOfBase(task, index, base);
  return {
    schema: ANSWER_SCHEMA,
    task: task.task,
    item: item.id,
    index,
    promptDigest: `sha256:${createHash('sha256').update(readText(chat, item)).digest('hex')}`,
    asked: askedOf(task, model),
    ...(item.shown !== undefined && { shown: [...item.shown] }),
    ...scoredPart(task, item, own),
    ...(samples !== null && { samples: samples.map(({ text, ...took }) => ({ answer: text, ...took })) }),
    options:
      options?.map(({ logProbability, ...rest }) => ({
        logProbability: Number.isFinite(logProbability) ? logProbability : null,
        ...rest,
      })) ?? null,
    ...(ofBase !== null && { base: ofBase }),
    tokensIn,
    tokensOut,
    seconds,
    secondsToFirst: secondsToFirst === null ? null : wholeNanoseconds(secondsToFirst),
    sitting: journal.sitting,
    absent: { ...absences(item, own.given, answer), ...own.absent },
  };
}

/** @returns an answer, and all of them where it said several. */
async function askOnce({ choices }: TaskItem, index: number, from: Respondent) {
  const answer = choices === null ? await from.say(index) : await from.choose(index);
  return { answer, samples: 'samples' in answer && answer.samples.length > 1 ? answer.samples : null };
}

/** Of several answers all are kept: whoever judges them later judges those of the model all, too. */
async function answerOfBase(
  task: Task,
  index: number,
  base: Respondent,
): Promise<NonNullable<AnswerRecord['base']>> {
  const item = task.items[index]!;
  const { answer, samples } = await askOnce(item, index, base);
  return {
    ...scoreAnswer(task, item, answer, base.choiceScores).given,
    ...(samples !== null && { samples: samples.map(({ text }) => text) }),
  };
}

/** What was read: of messages whose template nobody here knows, these. */
function readText(chat: ChatTemplate | null, { prompt, choices }: TaskItem): string {
  const first = choices?.prompts?.[0] ?? prompt;
  return typeof first === 'string' || chat !== null ? promptText({ chat }, first) : JSON.stringify(first);
}

/** The way a task is asked, as each of its answers says. */
function askedOf({ spec, way, items }: Task, { by }: Respondent): AnswerRecord['asked'] {
  const { mode, chat, maxTokens, stop, sampling, samples } = spec;
  const shown = items[0]?.shown?.length ?? 0;
  return {
    mode,
    by,
    examples: shown,
    ...(mode === 'generate' && { maxTokens, stop: [...stop] }),
    ...(way !== null && { way }),
    ...(chat && { chat }),
    ...(mode === 'generate' && sampling !== null && { sampling: { ...sampling } }),
    ...(mode === 'generate' && samples > 1 && { samples }),
  };
}

type Answer = Awaited<ReturnType<Respondent['say']>> | Awaited<ReturnType<Respondent['choose']>>;

/** Why the record has no number where it might have one. */
function absences({ choices }: TaskItem, { answer }: GivenAnswer, spent: Answer): Record<string, string> {
  const generates = choices === null || answer !== null;
  const first = generates
    ? 'the answer was not read as it came'
    : 'options are compared, and nothing is generated';
  return {
    ...(spent.secondsToFirst === null && { secondsToFirst: first }),
    ...(spent.tokensIn === null && { tokensIn: 'the server does not say how many tokens it read' }),
    ...(spent.tokensOut === null && { tokensOut: 'the server does not say how many tokens it generated' }),
  };
}
