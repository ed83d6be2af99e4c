import { createHash } from 'node:crypto';
import { FailureError, failed } from '../../../core/errors.js';
import { ANSWER_SCHEMA, type AnswerRecord, type GivenAnswer } from '../../../core/quality/answers/record.js';
import type { TaskOutcome } from '../../../core/quality/outcome.js';
import {
  combinedScore,
  scoredReadings,
  scoreNames,
  scoresGiven,
} from '../../../core/quality/reading/readings.js';
import { externalName, extracted, type ScorerName } from '../../../core/quality/scorers/index.js';
import { type ItemScore, retention, scoreOf } from '../../../core/quality/scores.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import type { TaskItem } from '../../../core/quality/tasks/items.js';
import { plainPrompt } from '../../../core/quality/tasks/prompt.js';
import type { ChatTemplate } from '../../../core/serving/tokenizer.js';
import { boundedWork, CALL_SECONDS } from '../../../formats/bounded-work.js';
import { monotonicSeconds, wholeNanoseconds } from '../../../process/isolation/clock.js';
import { mean } from '../../../statistics/summary.js';
import { type Scorers, scoreBy } from '../scoring/scorers.js';
import { stoppedBy, type Watch } from '../watch.js';
import { optionLikelihoods, tokenizeChoices, tokensOf } from './choices.js';
import { generate } from './generation.js';
import type { Journal } from './journal.js';
import { type LanguageModel, LEAST_CONTEXT } from './language-model.js';
import { type PromptReader, promptText, promptTokens } from './prompts.js';
import { byLikelihood, bySaying, LETTER_TOKENS, type Respondent } from './respondent.js';
import { Spent } from './spent.js';

/**
 * @returns tokens that the cache needs for each item; where they are certainly few, no fewer than that. Items are cut again when they are asked: all of them together may not fit
 * into memory.
 */
export function tokensNeeded(reader: PromptReader, { items, spec }: Task): number[] {
  return items.map((item) => {
    const most = mostTokens(item, spec);
    // Cutting 50,000 questions takes as long as an interrupted task may take to go on.
    if (most <= LEAST_CONTEXT) return most;
    if (spec.mode !== 'generate') return tokenizeChoices(reader, item).longest;
    return tokensToSay(reader, item.prompt).length + spec.maxTokens;
  });
}

/** Begin and end of a text, and the blank that some vocabularies put before it. */
const AROUND_TEXT = 4;

/** No token is less than a byte; what a chat template adds is not known here. */
function mostTokens({ prompt, choices }: TaskItem, { mode, maxTokens }: Task['spec']): number {
  const prompts = choices?.prompts ?? [prompt];
  const bytes = (text: TaskItem['prompt']) =>
    typeof text === 'string' ? Buffer.byteLength(text) : Number.POSITIVE_INFINITY;
  const longest = (all: readonly TaskItem['prompt'][]) =>
    all.reduce((most, one) => Math.max(most, bytes(one)), 0);
  return (
    longest(prompts) + (mode === 'generate' ? maxTokens : longest(choices?.continuations ?? [])) + AROUND_TEXT
  );
}

const tokensToSay = (reader: PromptReader, prompt: TaskItem['prompt']) =>
  promptTokens(reader, prompt, promptText(reader, prompt));

/** @returns the model as whoever answers a task. @param by how options are chosen: letters may be said, too. */
export function respondentOf(
  model: LanguageModel,
  task: Task,
  by: 'likelihood' | 'saying' = 'likelihood',
): Respondent {
  const reader = readerOf(model);
  const promptOf = (i: number) => tokensToSay(reader, task.items[i]!.prompt);
  if (by === 'saying') {
    const limits = { maxTokens: LETTER_TOKENS, stop: [] };
    return bySaying(task, async (i) => generate(model, promptOf(i), limits));
  }
  return byLikelihood(
    task,
    'logits',
    async (i) => {
      const cut = tokenizeChoices(reader, task.items[i]!);
      return { options: optionLikelihoods(model, cut, task.rules), tokensIn: tokensOf(cut) };
    },
    async (i) => generate(model, promptOf(i), limitsOf(task), { ...task.spec, item: i }),
  );
}

/** @returns a model's vocabulary with its chat template. */
export const readerOf = ({ text }: LanguageModel): PromptReader => ({
  tokenize: (words, addBegin) => text.tokenize(words, addBegin),
  chat: text.chat,
});

export const limitsOf = ({ spec: { maxTokens, stop }, stops }: Task) => ({
  maxTokens,
  stop,
  ...(stops !== undefined && { stops }),
});

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
 * Asks every item that the journal has no answer to, of a model, and of the base when there is one. Answers go into the journal; of each, numbers alone
 * are kept here.
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
  const judged = spec.mode === 'generate' ? await judgedScores(task, 'model', asking) : {};
  const judgedBase =
    spec.mode === 'generate' && ofBase !== null ? await judgedScores(task, 'base', asking) : {};
  const scores = [];
  for (const name of names) {
    if (judged[name] !== undefined) own.put(name, judged[name]);
    if (judgedBase[name] !== undefined) ofBase?.put(name, judgedBase[name]);
    // What a judge could not score is no 0: it is counted, and left out on both sides.
    const scored = items.flatMap((_, i) =>
      Number.isNaN(own.of(name)[i]!) || Number.isNaN(ofBase?.of(name)[i] ?? 0) ? [] : [i],
    );
    if (scored.length === 0) {
      const what = `the scorer ${name} could score none of the ${items.length} answers to ${task.name}`;
      throw failed('run-failed', what);
    }
    const values = withGroups(task, scored, own.of(name));
    const baseValues = ofBase === null ? null : withGroups(task, scored, ofBase.of(name));
    scores.push({
      name,
      ...(scored.length < items.length && { unscored: items.length - scored.length }),
      score: scoreOf(values, baseValues),
      base: baseValues === null ? null : scoreOf(baseValues),
      retentionPercent: baseValues === null ? null : retention(baseValues, values),
    });
  }
  const asked = task.way === null ? {} : { task: task.task, way: task.way };
  const facts = { items: items.length, chance: chanceOf(task), perItem: spent.perItem };
  const outcome = { name: task.name, ...asked, ...facts, scores };
  return { outcome, judged };
}

/** By external scorer, what it gave each answer, by index; NaN = it could not score it. */
export type JudgedScores = Readonly<Record<string, Float64Array>>;

/** Scores by name and item: numbers, however many items there are. */
class ScoreTable {
  readonly #scores: ReadonlyMap<string, Float64Array>;
  readonly #first: string | null;
  readonly #answered: Uint8Array;
  #sum = 0;
  #count = 0;

  constructor(names: readonly string[], items: number) {
    this.#scores = new Map(names.map((name) => [name, new Float64Array(items)]));
    this.#first = names.find((name) => externalName(name as ScorerName) === null) ?? null;
    this.#answered = new Uint8Array(items);
  }

  has(index: number): boolean {
    return this.#answered[index] === 1;
  }

  get isFull(): boolean {
    return this.#count === this.#answered.length;
  }

  set(index: number, scores: GivenAnswer['scores']): void {
    this.#answered[index] = 1;
    this.#count += 1;
    for (const [name, values] of this.#scores) values[index] = scores[name] ?? 0;
    this.#sum += this.#first === null ? 0 : (scores[this.#first] ?? 0);
  }

  put(name: string, values: Float64Array): void {
    this.#scores.get(name)?.set(values);
  }

  of(name: string): Float64Array {
    return this.#scores.get(name)!;
  }

  /** The mean of what was taken so far; null where somebody else judges. */
  get mean(): number | null {
    return this.#first === null ? null : this.#sum / this.#count;
  }
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
  const own = scoreAnswer(task, item, answer, model);
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
    ...scoreAnswer(task, item, answer, base).given,
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

/** What was said, its scores, and what was read in it. */
interface GivenAndRead {
  readonly given: GivenAnswer;
  readonly read: Readonly<Record<string, string>>;
  readonly absent: Readonly<Record<string, string>>;
}

function scoreAnswer(task: Task, item: TaskItem, answer: Answer, from: Respondent): GivenAndRead {
  if ('text' in answer)
    return scoreTexts(
      task,
      item,
      answer.samples.map(({ text }) => text),
    );
  const named = from.choiceScores.map((name, i) => [name, answer.taken[i] ?? null] as const);
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

/** @returns the record of a kept answer, scored by the key and the scorers of today. Its question must be the same still. */
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
function scoredPart(task: Task, item: TaskItem, own: GivenAndRead) {
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

/** Has scorers of the node score what the journal holds: each once, whatever scores are made of it. @returns by score, its values by index. */
async function judgedScores(task: Task, of: 'model' | 'base', asking: Asking): Promise<JudgedScores> {
  const { spec, readings, items } = task;
  const byScorer = new Map<string, readonly (readonly (number | null)[])[]>();
  const found: Record<string, Float64Array> = {};
  for (const { name, scorer, reading } of scoresGiven(spec, readings)) {
    const external = externalName(scorer);
    if (external === null) continue;
    const each = byScorer.get(external) ?? (await judge(external, task, of, asking));
    byScorer.set(external, each);
    found[name] = Float64Array.from(items, (_, i) => {
      const scores = each[i] ?? [];
      // An answer that nobody could score leaves its item without a score.
      return scores.length === 0 || scores.includes(null)
        ? Number.NaN
        : combinedScore(scores as number[], reading.pass);
    });
  }
  return found;
}

/** @returns by index of an item, the scores of all answers to it. */
async function judge(
  name: string,
  task: Task,
  of: 'model' | 'base',
  { scorers, journal, watch }: Asking,
): Promise<readonly (readonly (number | null)[])[]> {
  const order: number[] = [];
  function* questions() {
    for (const record of journal.answers(task.name)) {
      const item = task.items[record.index];
      if (item === undefined) continue;
      const { id, prompt, references, groups, program } = item;
      for (const answer of answersIn(record, of)) {
        order.push(record.index);
        yield {
          id,
          prompt: plainPrompt(prompt),
          answer,
          references,
          task: task.name,
          groups,
          ...(program && { program }),
        };
      }
    }
  }
  const { stopped, end } = stoppedBy(watch);
  try {
    const scores = await scoreBy(name, scorers[name]!, questions(), stopped);
    const byItem: (number | null)[][] = task.items.map(() => []);
    scores.forEach((score, i) => {
      byItem[order[i]!]!.push(score);
    });
    return byItem;
  } finally {
    end();
  }
}

function answersIn(record: AnswerRecord, of: 'model' | 'base'): readonly string[] {
  if (of === 'base') return record.base?.samples ?? [record.base?.answer ?? ''];
  return record.samples?.map(({ answer }) => answer) ?? [record.answer ?? ''];
}

function withGroups({ items }: Task, places: readonly number[], values: Float64Array): readonly ItemScore[] {
  return places.map((i) => ({ groups: items[i]!.groups, value: values[i]! }));
}

function chanceOf({ items }: Task): number | null {
  const shares = items.flatMap(({ choices }) =>
    choices === null ? [] : [choices.answers.length / choices.continuations.length],
  );
  return shares.length === 0 ? null : mean(shares);
}
