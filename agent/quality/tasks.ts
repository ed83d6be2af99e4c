import { createHash } from 'node:crypto';
import { FailureError, failure } from '../../core/errors.js';
import { ANSWER_SCHEMA, type AnswerRecord, type GivenAnswer } from '../../core/quality/answers/record.js';
import type { TaskOutcome } from '../../core/quality/outcome.js';
import { externalName, extracted, type ScorerName, score } from '../../core/quality/scorers/index.js';
import { type ItemScore, retention, scoreOf } from '../../core/quality/scores.js';
import type { Task } from '../../core/quality/tasks/few-shot.js';
import type { TaskItem } from '../../core/quality/tasks/items.js';
import type { TextModel } from '../../engines/runners/opened.js';
import { monotonicSeconds, wholeNanoseconds } from '../../process/isolation/clock.js';
import { optionLikelihoods, tokenizeChoices, tokensOf } from './choices.js';
import { generate } from './generation.js';
import type { Journal } from './journal.js';
import type { LanguageModel } from './language-model.js';
import { byLikelihood, bySaying, LETTER_TOKENS, type Respondent } from './respondent.js';
import { type Scorers, scoreBy } from './scorers.js';
import { stoppedBy, type Watch } from './watch.js';

/** @returns tokens that the cache needs for each item. Items are cut again when they are asked: all of them together may not fit into memory. */
export function tokensNeeded(text: Pick<TextModel, 'tokenize'>, { items, spec }: Task): number[] {
  if (spec.mode !== 'generate') return items.map((item) => tokenizeChoices(text, item).longest);
  return items.map(({ prompt }) => text.tokenize(prompt, true).length + spec.maxTokens);
}

/** @returns the model as whoever answers a task. @param by how options are chosen: letters may be said, too. */
export function respondentOf(
  model: LanguageModel,
  task: Task,
  by: 'likelihood' | 'saying' = 'likelihood',
): Respondent {
  const promptOf = (i: number) => model.text.tokenize(task.items[i]!.prompt, true);
  if (by === 'saying') {
    const limits = { maxTokens: LETTER_TOKENS, stop: [] };
    return bySaying(task, async (i) => generate(model, promptOf(i), limits));
  }
  return byLikelihood(
    task,
    'logits',
    async (i) => {
      const cut = tokenizeChoices(model.text, task.items[i]!);
      return { options: optionLikelihoods(model, cut), tokensIn: tokensOf(cut) };
    },
    async (i) => generate(model, promptOf(i), task.spec),
  );
}

/** Who answers, who judges, and where answers are kept as they come. */
export interface Asking {
  readonly model: Respondent;
  /** null = nothing to compare with. */
  readonly base: Respondent | null;
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
  const names = spec.mode === 'generate' ? spec.scorers : model.choiceScores;
  const own = new ScoreTable(names, items.length);
  const ofBase = base === null ? null : new ScoreTable(names, items.length);
  const take = ({ index, scores, base: other }: AnswerRecord) => {
    own.set(index, scores);
    if (other !== undefined) ofBase?.set(index, other.scores);
  };
  for (const record of journal.answers(task.name)) if (record.index < items.length) take(record);
  for (let i = 0; i < items.length; i++) {
    if (!own.has(i)) {
      const record = await answerTo(task, i, asking);
      journal.append(record);
      take(record);
    }
    watch.progress({ what: task.name, done: i + 1, total: items.length, value: own.mean });
    await watch.checkStop();
  }
  const judged: Record<string, Float64Array> = {};
  const scores = [];
  for (const name of names) {
    const external = externalName(name as ScorerName);
    if (external !== null) {
      judged[name] = await judge(external, task, 'model', asking);
      own.put(name, judged[name]);
      ofBase?.put(name, await judge(external, task, 'base', asking));
    }
    // What a judge could not score is no 0: it is counted, and left out on both sides.
    const scored = items.flatMap((_, i) =>
      Number.isNaN(own.of(name)[i]!) || Number.isNaN(ofBase?.of(name)[i] ?? 0) ? [] : [i],
    );
    if (scored.length === 0) {
      const what = `the scorer ${name} could score none of the ${items.length} answers to ${task.name}`;
      throw new FailureError(failure('run-failed', what));
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
  const outcome = { name: task.name, items: items.length, chance: chanceOf(task), scores };
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

  /** The mean of what is known so far; null where somebody else judges. */
  get mean(): number | null {
    return this.#first === null ? null : this.#sum / this.#count;
  }
}

async function answerTo(task: Task, index: number, { model, base, journal }: Asking): Promise<AnswerRecord> {
  const { spec } = task;
  const item = task.items[index]!;
  const began = monotonicSeconds();
  const answer = item.choices === null ? await model.say(index) : await model.choose(index);
  const seconds = wholeNanoseconds(monotonicSeconds() - began);
  const { tokensIn, tokensOut, secondsToFirst } = answer;
  const options = 'options' in answer ? answer.options : null;
  const own = given(task, item, answer, model);
  const ofBase =
    base === null
      ? null
      : given(task, item, item.choices === null ? await base.say(index) : await base.choose(index), base);
  return {
    schema: ANSWER_SCHEMA,
    ...{ task: task.name, item: item.id, index, groups: { ...item.groups } },
    promptDigest: `sha256:${createHash('sha256').update(item.prompt).digest('hex')}`,
    asked: {
      ...{ mode: spec.mode, by: model.by, examples: spec.fewShot?.count ?? 0 },
      ...(spec.mode === 'generate' && { maxTokens: spec.maxTokens, stop: [...spec.stop] }),
    },
    ...own,
    extracted: extractedFrom(task, item, own),
    references: [...item.references],
    right: item.choices === null ? null : [...item.choices.answers],
    options:
      options?.map(({ logProbability, ...rest }) => ({
        logProbability: Number.isFinite(logProbability) ? logProbability : null,
        ...rest,
      })) ?? null,
    ...(ofBase !== null && { base: ofBase }),
    ...{ tokensIn, tokensOut, seconds },
    secondsToFirst: secondsToFirst === null ? null : wholeNanoseconds(secondsToFirst),
    sitting: journal.sitting,
    absent: absences(item, own, answer),
  };
}

type Answer = Awaited<ReturnType<Respondent['say']>> | Awaited<ReturnType<Respondent['choose']>>;

function given(
  { spec }: Task,
  { choices, references }: TaskItem,
  answer: Answer,
  from: Respondent,
): GivenAnswer {
  if ('text' in answer) {
    const scores = spec.scorers.map((scorer) => [
      scorer,
      externalName(scorer) === null ? score(scorer, answer.text, references, spec) : null,
    ]);
    return { answer: answer.text, taken: {}, scores: Object.fromEntries(scores) };
  }
  const named = from.choiceScores.map((name, i) => [name, answer.taken[i] ?? null] as const);
  const right = (option: number | null) => Number(option !== null && choices?.answers.includes(option));
  return {
    answer: answer.said,
    taken: Object.fromEntries(named),
    scores: Object.fromEntries(named.map(([name, option]) => [name, right(option)])),
  };
}

function extractedFrom({ spec }: Task, { choices }: TaskItem, { answer, taken }: GivenAnswer): string | null {
  if (choices === null) return answer === null ? null : extracted(spec.scorers, answer);
  const option = Object.values(taken)[0] ?? null;
  return option === null ? null : (choices.continuations[option]?.trim() ?? null);
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

/** Has a command of the node judge what the journal holds. @returns its scores by index. */
async function judge(
  name: string,
  task: Task,
  of: 'model' | 'base',
  { scorers, journal, watch }: Asking,
): Promise<Float64Array> {
  const order: number[] = [];
  function* questions() {
    for (const record of journal.answers(task.name)) {
      const item = task.items[record.index];
      if (item === undefined) continue;
      const answer = (of === 'base' ? record.base?.answer : record.answer) ?? '';
      order.push(record.index);
      const { id, prompt, references, groups, program } = item;
      yield { id, prompt, answer, references, task: task.name, groups, ...(program && { program }) };
    }
  }
  const { stopped, end } = stoppedBy(watch);
  try {
    const found = await scoreBy(name, scorers[name]!, questions(), stopped);
    const values = new Float64Array(task.items.length);
    found.forEach((value, i) => {
      values[order[i]!] = value ?? Number.NaN;
    });
    return values;
  } finally {
    end();
  }
}

function withGroups({ items }: Task, places: readonly number[], values: Float64Array): readonly ItemScore[] {
  return places.map((i) => ({ groups: items[i]!.groups, value: values[i]! }));
}

function chanceOf({ items }: Task): number | null {
  const shares = items.flatMap(({ choices }) =>
    choices === null ? [] : [choices.answers.length / choices.continuations.length],
  );
  return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
