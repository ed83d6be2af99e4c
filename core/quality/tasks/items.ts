import type { Message } from '../../serving/tokenizer.js';
import { letterOf } from '../multiple-choice.js';
import { patternProblem } from '../scorers/pattern.js';
import { fewShotOf } from './asking.js';
import { type Choice, readChoices } from './choices.js';
import type { Parsed, TaskDefinition } from './definition.js';
import { type Program, programOf } from './program.js';
import type { Prompt } from './prompt.js';
import { type ItemRecord, isAsked, readRecords } from './records.js';
import { rightAnswers } from './right-answers.js';
import { fill, joinedText, namesIn, textOf, valueAt } from './template.js';

/** One thing to ask a model, ready to be tokenized. */
export interface TaskItem {
  readonly id: string;
  /** By each field that groups items: the group this one is in. */
  readonly groups: Readonly<Record<string, string>>;
  readonly prompt: Prompt;
  /** What may follow the prompt, and which are right; null for generated answers. */
  readonly choices: {
    readonly continuations: readonly string[];
    readonly answers: readonly number[];
    /** What each option follows, where that is not the item's own prompt. */
    readonly prompts?: readonly Prompt[];
    /** Options as they are counted, without what joins them to the prompt; left out = the continuations. */
    readonly texts?: readonly string[];
  } | null;
  /** Right answers in words; for options the right ones. */
  readonly references: readonly string[];
  /** Where a scorer runs it: what an answer becomes a part of. */
  readonly program?: Program;
  /** Options that a generated answer may name by their letters. */
  readonly letters?: number;
  /** Ids of the examples that are shown; left out = none is. */
  readonly shown?: readonly string[];
  /** Of the record, as lm-evaluation-harness names it in its samples. */
  readonly docDigest?: string;
}

/**
 * An item as its record has it, before it is put into the way that it is asked; left out = the record has
 * none.
 */
export interface ReadItem extends TaskItem {
  readonly prompt: string;
  readonly system?: string;
  /** Turns before the question. */
  readonly history?: readonly Message[];
  /** What an example shows as its answer, in place of the reference. */
  readonly solution?: string;
  /** Its embedding. */
  readonly vector?: readonly number[];
}

export interface TaskItems<Item extends TaskItem = TaskItem> {
  readonly items: readonly Item[];
  /** Not asked, and why: by `only`, or for several right options. */
  readonly leftOut: { readonly byOnly: number; readonly several: number };
}

/** An error in a file of items. */
export interface LineError {
  /** 1-based; of a list the number of the item. */
  readonly line: number;
  readonly message: string;
}

type Say = (message: string) => null;

/** Fields that data sets use, tried in this order where the task names none. */
const USUAL = {
  question: ['question', 'context', 'prompt', 'query', 'input'],
  choices: ['choices', 'options'],
  answer: ['answer', 'label', 'gold', 'target', 'answers'],
  id: ['id', 'qid'],
} as const;

/** Errors that are listed; the rest is only counted. */
const MAX_ERRORS = 100;

/**
 * Reads items from JSONL, or from a JSON list.
 * @returns the items, or every error with its line: broken JSON, missing fields, an answer that is no option.
 */
export function parseItems(task: TaskDefinition, text: string): Parsed<TaskItems<ReadItem>, LineError> {
  const items: ReadItem[] = [];
  const errors: LineError[] = [];
  const leftOut = { byOnly: 0, several: 0 };
  const seen = new Set<string>();
  for (const { line, place, record } of readRecords(text)) {
    const say: Say = (message) => {
      errors.push({ line, message });
      return null;
    };
    if (typeof record === 'string') {
      say(record);
      continue;
    }
    if (!isAsked(task, record)) {
      leftOut.byOnly += 1;
      continue;
    }
    const item = readItem(task, record, place, say);
    if (item === 'several') leftOut.several += 1;
    if (item === null || item === 'several') continue;
    if (seen.has(item.id)) say(`the id ${item.id} has been used before`);
    seen.add(item.id);
    items.push(item);
  }
  const none = leftOut.byOnly + leftOut.several > 0 ? 'every item is left out' : 'there is no item';
  if (items.length === 0 && errors.length === 0) errors.push({ line: 1, message: none });
  if (errors.length === 0) return { ok: true, value: { items, leftOut } };
  const more = errors.length - MAX_ERRORS;
  if (more <= 0) return { ok: false, diagnostics: errors };
  const last = errors[MAX_ERRORS]!;
  const rest = { line: last.line, message: `and ${more} more errors from here on` };
  return { ok: false, diagnostics: [...errors.slice(0, MAX_ERRORS), rest] };
}

function readItem(
  task: TaskDefinition,
  record: ItemRecord,
  place: string,
  say: Say,
): ReadItem | 'several' | null {
  const { spec } = task;
  const named = (field: keyof typeof USUAL): string => {
    const given = spec.fields[field];
    if (typeof given === 'string') return given;
    return USUAL[field].find((usual) => valueAt(record, usual) !== undefined) ?? USUAL[field][0];
  };
  const generates = spec.mode === 'generate';
  const lettered = generates && spec.extract === 'letter';
  const question = named('question');
  const choices =
    generates && !lettered
      ? []
      : readChoices(spec.fields.choices ?? named('choices'), spec.optionLabels, record);
  if (typeof choices === 'string') say(choices);
  const answerField = named('answer');
  const answer = valueAt(record, answerField);
  if (answer === undefined) say(`the field ${answerField} (the answer) is missing`);
  const filled = filledTexts(task, record, { question, choices, lettered }, say);
  const history = historyOf(spec.fields.history, record);
  if (typeof history === 'string') return say(history);
  if (typeof choices === 'string' || answer === undefined || filled === null) return null;
  const id = textOf(valueAt(record, named('id'))) ?? place;
  const { solution } = spec.fields;
  const worked = solution === undefined ? null : joinedText(valueAt(record, solution), '\n');
  const { vectors } = fewShotOf(spec);
  const vector = vectors === null ? null : numbersAt(record, vectors);
  const base = {
    id,
    groups: groupsOf(task, record),
    ...filled,
    ...(history.length > 0 && { history }),
    ...(worked !== null && { solution: worked }),
    ...(vector !== null && { vector }),
  };
  if (generates && !lettered) {
    const program = programOf(spec, record, say);
    const item = generated(task, base, answer, say);
    if (program === null || item === null) return null;
    return program === undefined ? item : { ...item, program };
  }
  const right = rightAnswers(spec.answerIs ?? null, answer, choices);
  if (typeof right === 'string') return say(right);
  if (right.length > 1 && spec.severalAnswers === 'skip') return 'several';
  if (right.length > 1 && spec.severalAnswers === 'refuse')
    return say(`${right.length} options are right; severalAnswers says what to do with such an item`);
  if (lettered) return { ...base, choices: null, references: right.map(letterOf), letters: choices.length };
  const continuations = choices.map(({ text }, i) => {
    if (spec.mode === 'letter') return fill(spec.continuation ?? ' {choice}', () => letterOf(i));
    return fill(spec.continuation ?? '{choice}', () => text);
  });
  const empty = continuations.indexOf('');
  if (empty >= 0) return say(`the option ${letterOf(empty)} is empty`);
  const references = right.map((index) => continuations[index]!);
  return { ...base, choices: { continuations, answers: right }, references };
}

/** Fills in what an item is asked with. @returns null where a field is missing. */
function filledTexts(
  { spec }: TaskDefinition,
  record: ItemRecord,
  {
    question,
    choices,
    lettered,
  }: { readonly question: string; readonly choices: readonly Choice[] | string; readonly lettered: boolean },
  say: Say,
): Pick<ReadItem, 'prompt' | 'system'> | null {
  const listed = lettered || spec.mode === 'letter';
  let complete = true;
  const filled = (template: string) =>
    fill(template, (name) => {
      if (name === 'choices') {
        const known = typeof choices === 'string' ? [] : choices;
        return known.map(({ text }, i) => `${letterOf(i)}. ${text.trim()}`).join('\n');
      }
      const value = joinedText(valueAt(record, name === 'question' ? question : name), '\n');
      if (value === null) {
        say(`the field ${name === 'question' ? question : name} is missing, and the prompt asks for it`);
        complete = false;
      }
      return value;
    });
  const asks = spec.prompt ?? (listed ? '{question}\n{choices}\nAnswer:' : '{question}');
  const prompt = `${spec.context === null ? '' : filled(spec.context)}${filled(asks)}`;
  const system = spec.system === null ? {} : { system: filled(spec.system) };
  return complete ? { prompt, ...system } : null;
}

const ROLES = ['user', 'assistant'];

/**
 * @returns turns before the question, or one sentence what is wrong with them; none where the record has
 *   none.
 */
function historyOf(field: string | undefined, record: ItemRecord): readonly Message[] | string {
  const value = field === undefined ? undefined : valueAt(record, field);
  if (value === undefined || value === null) return [];
  const wrong = `${field} has to hold turns: texts of user and assistant by turns, or a list of {role, content}`;
  if (!Array.isArray(value)) return wrong;
  const turns: Message[] = [];
  for (const [i, turn] of value.entries()) {
    const own =
      typeof turn === 'string' ? { role: ROLES[i % 2], content: turn } : (turn as Partial<Message> | null);
    const { role, content } = own ?? {};
    if (typeof role !== 'string' || typeof content !== 'string' || !/^[a-z]{1,20}$/.test(role)) return wrong;
    turns.push({ role, content });
  }
  return turns;
}

function numbersAt(record: ItemRecord, field: string): readonly number[] | null {
  const value = valueAt(record, field);
  return Array.isArray(value) && value.every((one) => typeof one === 'number') ? value : null;
}

/** A record without a value for a field is in none of its groups. */
function groupsOf({ spec }: TaskDefinition, record: ItemRecord): Record<string, string> {
  const fields = spec.fields.group ?? 'group';
  const names = Array.isArray(fields) ? fields : [fields];
  return Object.fromEntries(
    names.flatMap((field) => {
      const group = joinedText(valueAt(record, field), ', ');
      return group === null || group === '' ? [] : [[field, group]];
    }),
  );
}

function generated(
  { spec }: TaskDefinition,
  base: Omit<ReadItem, 'choices' | 'references'>,
  answer: unknown,
  say: Say,
): ReadItem | null {
  const references = (Array.isArray(answer) ? answer : [answer]).map(textOf);
  const texts = references.filter((reference) => reference !== null);
  if (texts.length === 0 || texts.length < references.length) {
    return say('the answer has to be text, a number, or a list of them');
  }
  if (spec.scorers.includes('regex')) {
    const problem = texts.map(patternProblem).find((found) => found !== null);
    if (problem !== undefined) return say(problem);
  }
  return { ...base, choices: null, references: texts };
}

/** @returns errors in a template that no record can mend. */
export function templateProblem(task: TaskDefinition): string | null {
  const { continuation, mode, extract } = task.spec;
  const pattern =
    typeof extract === 'object' && extract !== null && 'regex' in extract ? extract.regex : null;
  const bad = pattern === null ? null : patternProblem(pattern);
  if (bad !== null) return `extract: ${bad}`;
  if (continuation === undefined || mode === 'generate') return null;
  const names = namesIn(continuation);
  if (names.length === 1 && names[0] === 'choice') return null;
  return 'continuation has to hold {choice}, and nothing else in braces';
}
