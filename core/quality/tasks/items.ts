import { letterOf } from '../multiple-choice.js';
import { patternProblem } from '../scorers/pattern.js';
import { readChoices } from './choices.js';
import type { Parsed, TaskDefinition } from './definition.js';
import { type ProgramPart, programOf } from './program.js';
import { type ItemRecord, isAsked, readRecords } from './records.js';
import { rightAnswers } from './right-answers.js';
import { fill, joinedText, namesIn, textOf, valueAt } from './template.js';

/** One thing to ask a model, ready to be tokenized. */
export interface TaskItem {
  readonly id: string;
  /** By each field that groups items: the group this one is in. */
  readonly groups: Readonly<Record<string, string>>;
  readonly prompt: string;
  /** What may follow the prompt, and which are right; null for generated answers. */
  readonly choices: { readonly continuations: readonly string[]; readonly answers: readonly number[] } | null;
  /** Right answers in words; for options the right ones. */
  readonly references: readonly string[];
  /** Where a scorer runs it: the program that an answer becomes a part of. */
  readonly program?: readonly ProgramPart[];
}

export interface TaskItems {
  readonly items: readonly TaskItem[];
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
export function parseItems(task: TaskDefinition, text: string): Parsed<TaskItems, LineError> {
  const items: TaskItem[] = [];
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
): TaskItem | 'several' | null {
  const { spec } = task;
  const named = (field: keyof typeof USUAL): string => {
    const given = spec.fields[field];
    if (typeof given === 'string') return given;
    return USUAL[field].find((usual) => valueAt(record, usual) !== undefined) ?? USUAL[field][0];
  };
  const ofChoice = spec.mode !== 'generate';
  const field = named('question');
  const choices = ofChoice
    ? readChoices(spec.fields.choices ?? named('choices'), spec.optionLabels, record)
    : [];
  if (typeof choices === 'string') say(choices);
  const answerField = named('answer');
  const answer = valueAt(record, answerField);
  if (answer === undefined) say(`the field ${answerField} (the answer) is missing`);
  const asks = spec.prompt ?? (spec.mode === 'letter' ? '{question}\n{choices}\nAnswer:' : '{question}');
  let complete = answer !== undefined;
  const prompt = fill(asks, (name) => {
    if (name === 'choices') {
      const known = typeof choices === 'string' ? [] : choices;
      return known.map(({ text }, i) => `${letterOf(i)}. ${text.trim()}`).join('\n');
    }
    const value = joinedText(valueAt(record, name === 'question' ? field : name), '\n');
    if (value === null) {
      say(`the field ${name === 'question' ? field : name} is missing, and the prompt asks for it`);
      complete = false;
    }
    return value;
  });
  if (typeof choices === 'string' || !complete) return null;
  const id = textOf(valueAt(record, named('id'))) ?? place;
  const base = { id, groups: groupsOf(task, record), prompt };
  if (!ofChoice) {
    const program = spec.program === undefined ? [] : programOf(spec.program, record, say);
    const item = generated(task, base, answer, say);
    if (program === null || item === null) return null;
    return program.length === 0 ? item : { ...item, program };
  }
  const right = rightAnswers(spec.answerIs ?? null, answer, choices);
  if (typeof right === 'string') return say(right);
  if (right.length > 1 && spec.severalAnswers === 'skip') return 'several';
  if (right.length > 1 && spec.severalAnswers === 'refuse')
    return say(`${right.length} options are right; severalAnswers says what to do with such an item`);
  const continuations = choices.map(({ text }, i) => {
    if (spec.mode === 'letter') return fill(spec.continuation ?? ' {choice}', () => letterOf(i));
    return fill(spec.continuation ?? '{choice}', () => text);
  });
  const empty = continuations.indexOf('');
  if (empty >= 0) return say(`the option ${letterOf(empty)} is empty`);
  const references = right.map((index) => continuations[index]!);
  return { ...base, choices: { continuations, answers: right }, references };
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
  base: Pick<TaskItem, 'id' | 'groups' | 'prompt'>,
  answer: unknown,
  say: Say,
): TaskItem | null {
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
  const { continuation, mode } = task.spec;
  if (continuation === undefined || mode === 'generate') return null;
  const names = namesIn(continuation);
  if (names.length === 1 && names[0] === 'choice') return null;
  return 'continuation has to hold {choice}, and nothing else in braces';
}
