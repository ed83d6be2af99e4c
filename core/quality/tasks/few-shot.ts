import type { Message } from '../../serving/tokenizer.js';
import { CHOICE_RULES, type ChoiceScore } from '../multiple-choice.js';
import { type Reading, readingsOf } from '../reading/readings.js';
import type { ScoringOptions } from '../scorers/index.js';
import { type FewShot, fewShotOf } from './asking.js';
import type { TaskDefinition } from './definition.js';
import { drawn, firstOf, nearest, type Pick as Picks } from './examples.js';
import type { ReadItem, TaskItem, TaskItems } from './items.js';

/** A task as it is asked in one way. */
export interface Task {
  /** What it is known by: no other task that is asked beside it has the same. */
  readonly name: string;
  /** What its file calls it. */
  readonly task: string;
  /** What this way of asking it is called; null = it is asked in no other. */
  readonly way: string | null;
  readonly spec: TaskDefinition['spec'] & Pick<ScoringOptions, 'exactMatch'>;
  /** What generated answers are read for. */
  readonly readings: readonly Reading[];
  /** How options are chosen by their likelihood. */
  readonly rules: readonly ChoiceScore[];
  /** An answer that begins with a stop goes on (ours), or is empty there (lm-evaluation-harness). */
  readonly stops?: 'first';
  /** With the solved examples already in front of each prompt. */
  readonly items: readonly TaskItem[];
  /** Of the file, not asked. */
  readonly leftOut: TaskItems['leftOut'];
  /**
   * What its examples are chosen among once a model has made vectors of them (`withVectors`): until then the
   * first ones stand there.
   */
  readonly awaits?: {
    readonly pooling: NonNullable<FewShot['embeddings']>;
    readonly definition: TaskDefinition;
    readonly items: readonly ReadItem[];
    readonly examples: readonly ReadItem[] | null;
  };
}

/** @returns what a task is known by that is asked in one way, or in one of several. */
export function askedName(task: string, way: string | null | undefined): string {
  return way === null || way === undefined ? task : `${task} (${way})`;
}

/**
 * Puts solved examples before each prompt.
 * @param examples from a file of their own; null = those of the task itself: the first ones, which are then
 *   not scored, or those that are drawn for each item.
 * @returns the task, or one sentence why there are too few examples or nothing is left to ask.
 */
export function withExamples(
  task: TaskDefinition,
  { items, leftOut }: TaskItems<ReadItem>,
  examples: readonly ReadItem[] | null,
): Task | string {
  const { spec } = task;
  if (typeof spec.fewShot === 'object' && spec.fewShot.count === undefined) return 'fewShot has no count';
  const few = fewShotOf(spec);
  const heads = few.pick === 'first' && examples === null ? few.count : 0;
  const asked = items.slice(heads);
  const pool = examples ?? (few.pick === 'first' ? items.slice(0, few.count) : items);
  const most = pool.length - (examples === null && few.pick !== 'first' ? 1 : 0);
  if (most < few.count) return `fewShot asks for ${few.count} examples, and there are ${Math.max(0, most)}`;
  if (asked.length === 0) return 'every item is an example, and none is left to ask';
  const waits = few.count > 0 && few.embeddings !== null && asked.some(({ vector }) => vector === undefined);
  const pick = few.count === 0 ? () => [] : picking(few, pool, examples === null, waits);
  if (typeof pick === 'string') return pick;
  const whole = askedSo(
    task,
    asked.map((item) => composed(spec, few, item, pick(item))),
    leftOut,
  );
  return waits
    ? { ...whole, awaits: { pooling: few.embeddings!, definition: task, items, examples } }
    : whole;
}

/**
 * Chooses the examples of a task that waits for vectors.
 * @param vectorsOf gives a vector of each text, in their order.
 * @returns the task as it is asked; one that waits for none as it is.
 */
export async function withVectors(
  task: Task,
  vectorsOf: (texts: readonly string[]) => Promise<readonly (readonly number[])[]>,
): Promise<Task> {
  if (task.awaits === undefined) return task;
  const { definition, items, examples } = task.awaits;
  const embedded = async (all: readonly ReadItem[]): Promise<ReadItem[]> => {
    const vectors = await vectorsOf(all.map(({ prompt }) => prompt));
    return all.map((item, i) => ({ ...item, vector: vectors[i]! }));
  };
  const shown = examples === null ? null : await embedded(examples);
  const made = withExamples(definition, { items: await embedded(items), leftOut: task.leftOut }, shown);
  if (typeof made === 'string') throw new Error(made);
  return made;
}

/** @returns a task of ours with its items as they are asked. */
export function askedSo(
  { name, way = null, spec }: TaskDefinition,
  items: readonly TaskItem[],
  leftOut: Task['leftOut'] = { byOnly: 0, several: 0 },
): Task {
  return {
    name: askedName(name, way),
    task: name,
    way,
    spec,
    items,
    leftOut,
    readings: readingsOf(spec),
    rules: spec.mode === 'letter' ? [{ name: 'letter', rule: 'sum' }] : OWN_RULES,
  };
}

const OWN_RULES = CHOICE_RULES.map((rule): ChoiceScore => ({ name: rule, rule }));

const isSameItem = (a: ReadItem, b: ReadItem) => a.id === b.id;

function picking(
  few: FewShot,
  pool: readonly ReadItem[],
  own: boolean,
  waits: boolean,
): Picks<ReadItem> | string {
  const { pick, count, seed, vectors, embeddings } = few;
  const other = own ? isSameItem : () => false;
  if (embeddings !== null && pick !== 'nearest') return 'fewShot.embeddings is for `pick: nearest`';
  if (embeddings !== null && vectors !== null)
    return 'fewShot has vectors and embeddings: a field of each record, or the vectors of the base model';
  if (waits) return firstOf(pool, count, other);
  if (pick === 'first') return firstOf(pool, count, other);
  if (pick === 'random') return drawn(pool, count, own ? isSameItem : null, seed);
  const bare = vectors === null ? undefined : pool.find(({ vector }) => vector === undefined);
  if (bare !== undefined) return `the field ${vectors} of ${bare.id} is no list of numbers`;
  return nearest(
    pool,
    count,
    other,
    ({ prompt }) => prompt,
    vectors === null && embeddings === null ? null : ({ vector }) => vector ?? null,
  );
}

function composed(
  { chat, mode }: TaskDefinition['spec'],
  few: FewShot,
  { system, history = [], solution: _, vector: __, ...item }: ReadItem,
  shown: readonly ReadItem[],
): TaskItem {
  const { separator } = few;
  const texts = shown.map((example) => `${example.prompt}${solution(example)}${separator}`).join('');
  const ids = shown.length === 0 ? {} : { shown: shown.map(({ id }) => id) };
  if (!chat) {
    const before = system === undefined ? '' : `${system}${separator}`;
    const turns = history.map(({ role, content }) => `${titled(role)}: ${content}\n`).join('');
    const question = turns === '' ? item.prompt : `${turns}User: ${item.prompt}\nAssistant:`;
    return { ...item, ...ids, prompt: `${before}${texts}${question}` };
  }
  const examples: Message[] = few.multiturn
    ? shown.flatMap((example) => [
        { role: 'user', content: example.prompt },
        { role: 'assistant', content: solution(example).trim() },
      ])
    : [];
  const prompt: Message[] = [
    ...(system === undefined ? [] : [{ role: 'system', content: system }]),
    ...examples,
    ...history,
    { role: 'user', content: few.multiturn ? item.prompt : `${texts}${item.prompt}` },
  ];
  if (mode === 'generate' || item.choices === null) return { ...item, ...ids, prompt };
  // What an assistant says begins without the blank that a text goes on with.
  const continuations = item.choices.continuations.map((text) => text.trimStart());
  const references = item.references.map((text) => text.trimStart());
  return { ...item, ...ids, prompt, references, choices: { ...item.choices, continuations } };
}

const titled = (role: string) => role.slice(0, 1).toUpperCase() + role.slice(1);

/** Options carry their own blank; a generated answer gets one unless the prompt ends with space. */
function solution({ choices, references, prompt, solution: worked }: ReadItem): string {
  const answer = worked ?? references[0] ?? '';
  return (choices !== null && worked === undefined) || /\s$/.test(prompt) ? answer : ` ${answer}`;
}
