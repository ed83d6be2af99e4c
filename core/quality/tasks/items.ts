import { letterOf } from '../multiple-choice.js';
import { patternProblem } from '../scorers/pattern.js';
import type { Parsed, TaskDefinition } from './definition.js';
import { fill, namesIn, textOf, valueAt } from './template.js';

/** One thing to ask a model, ready to be tokenized. */
export interface TaskItem {
  readonly id: string;
  readonly group: string | null;
  readonly prompt: string;
  /** What may follow the prompt, and which is right; null for generated answers. */
  readonly choices: { readonly continuations: readonly string[]; readonly answer: number } | null;
  /** Right answers in words; for options the right one. */
  readonly references: readonly string[];
}

/** A mistake in a JSONL file. */
export interface LineMistake {
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}

type Record_ = Readonly<Record<string, unknown>>;
type Say = (message: string) => null;

/** Fields that data sets use, tried in this order where the task names none. */
const USUAL = {
  question: ['question', 'context', 'prompt', 'query', 'input'],
  choices: ['choices', 'options'],
  answer: ['answer', 'label', 'gold', 'target', 'answers'],
  id: ['id', 'qid'],
  group: ['group'],
} as const;

/** Options at most: they are called by letters. */
const MAX_CHOICES = 26;
/** Mistakes that are told before the rest is only counted. */
const MAX_MISTAKES = 100;

/**
 * Reads items from JSONL.
 * @returns the items, or every mistake with its line: broken JSON, missing fields, an answer that is no option.
 */
export function parseItems(task: TaskDefinition, jsonl: string): Parsed<readonly TaskItem[], LineMistake> {
  const items: TaskItem[] = [];
  const mistakes: LineMistake[] = [];
  const seen = new Set<string>();
  for (const [index, text] of jsonl.split(/\r?\n/).entries()) {
    if (text.trim() === '') continue;
    const line = index + 1;
    const say: Say = (message) => {
      mistakes.push({ line, message });
      return null;
    };
    const record = parseRecord(text, say);
    const item = record === null ? null : readItem(task, record, `line ${line}`, say);
    if (item === null) continue;
    if (seen.has(item.id)) say(`the id ${item.id} has been used before`);
    seen.add(item.id);
    items.push(item);
  }
  if (items.length === 0 && mistakes.length === 0) mistakes.push({ line: 1, message: 'there is no item' });
  if (mistakes.length === 0) return { ok: true, value: items };
  const more = mistakes.length - MAX_MISTAKES;
  if (more <= 0) return { ok: false, mistakes };
  const last = mistakes[MAX_MISTAKES]!;
  const rest = { line: last.line, message: `and ${more} more mistakes from here on` };
  return { ok: false, mistakes: [...mistakes.slice(0, MAX_MISTAKES), rest] };
}

function parseRecord(text: string, say: Say): Record_ | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record_;
    return say('the line is JSON, but not an object');
  } catch (error) {
    return say(`the line is not JSON: ${(error as Error).message}`);
  }
}

function readItem(task: TaskDefinition, record: Record_, name: string, say: Say): TaskItem | null {
  const { spec } = task;
  const named = (field: keyof typeof USUAL): string => {
    const given = spec.fields[field];
    if (typeof given === 'string') return given;
    return USUAL[field].find((usual) => valueAt(record, usual) !== undefined) ?? USUAL[field][0];
  };
  const id = textOf(valueAt(record, named('id'))) ?? name;
  const group = textOf(valueAt(record, named('group')));
  const field = named('question');
  const question = textOf(valueAt(record, field));
  const ofChoice = spec.mode !== 'generate';
  const choices = ofChoice ? readChoices(spec.fields.choices ?? named('choices'), record, say) : [];
  const answerField = named('answer');
  const answer = valueAt(record, answerField);
  if (answer === undefined) say(`the field ${answerField} (the answer) is missing`);
  const asks = spec.prompt ?? (spec.mode === 'letter' ? '{question}\n{choices}\nAnswer:' : '{question}');
  let complete = answer !== undefined && choices !== null;
  const prompt = fill(asks, (place) => {
    if (place === 'choices') {
      return (choices ?? []).map((choice, i) => `${letterOf(i)}. ${choice.trim()}`).join('\n');
    }
    const value = place === 'question' ? question : textOf(valueAt(record, place));
    if (value === null) {
      say(`the field ${place === 'question' ? field : place} is missing, and the prompt asks for it`);
      complete = false;
    }
    return value;
  });
  if (choices === null || !complete) return null;
  const base = { id, group, prompt };
  if (!ofChoice) return generated(task, base, answer, say);
  const index = answerIndex(spec.answerIs ?? null, answer, choices, say);
  if (index === null) return null;
  const continuations = choices.map((choice, i) => {
    if (spec.mode === 'letter') return fill(spec.continuation ?? ' {choice}', () => letterOf(i));
    return fill(spec.continuation ?? '{choice}', () => choice);
  });
  const empty = continuations.indexOf('');
  if (empty >= 0) return say(`the option ${letterOf(empty)} is empty`);
  return { ...base, choices: { continuations, answer: index }, references: [continuations[index]!] };
}

function generated(
  { spec }: TaskDefinition,
  base: Pick<TaskItem, 'id' | 'group' | 'prompt'>,
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

function readChoices(fields: string | readonly string[], record: Record_, say: Say): string[] | null {
  const found = typeof fields === 'string' ? valueAt(record, fields) : fields.map((f) => valueAt(record, f));
  const where = typeof fields === 'string' ? fields : fields.join(', ');
  if (found === undefined) return say(`the field ${where} (the options) is missing`);
  const values = typeof found === 'object' && found !== null ? Object.values(found) : [];
  const texts = values.map(textOf).filter((text) => text !== null);
  if (texts.length < values.length || values.length < 2 || values.length > MAX_CHOICES) {
    return say(`${where} has to hold 2 to ${MAX_CHOICES} options, each text or a number`);
  }
  return texts;
}

/** Without a word from the task a whole number counts from 0, one letter is a letter, other text is an option. */
function answerIndex(
  meaning: TaskDefinition['spec']['answerIs'] | null,
  answer: unknown,
  choices: readonly string[],
  say: Say,
): number | null {
  const text = textOf(answer)?.trim() ?? null;
  if (text === null) return say('the answer has to be text or a number');
  const letter = /^[A-Za-z]$/.test(text);
  const is = meaning ?? (typeof answer === 'number' ? 'index' : letter ? 'letter' : 'text');
  const last = choices.length - 1;
  if (is === 'text') {
    const at = choices.findIndex((choice) => choice.trim() === text);
    return at >= 0 ? at : say(`the answer ${JSON.stringify(text)} is none of the options`);
  }
  if (is === 'letter') {
    const at = letter ? text.toUpperCase().charCodeAt(0) - 65 : -1;
    return at >= 0 && at <= last ? at : say(`the answer ${text} is not a letter from A to ${letterOf(last)}`);
  }
  const first = is === 'number' ? 1 : 0;
  const at = /^\d{1,4}$/.test(text) ? Number(text) - first : -1;
  if (at >= 0 && at <= last) return at;
  return say(
    `the answer ${text} is not a whole number from ${first} to ${last + first} (${choices.length} options)`,
  );
}

/** @returns mistakes in a template that no record can mend. */
export function templateProblem(task: TaskDefinition): string | null {
  const { continuation, mode } = task.spec;
  if (continuation === undefined || mode === 'generate') return null;
  const names = namesIn(continuation);
  if (names.length === 1 && names[0] === 'choice') return null;
  return 'continuation has to hold {choice}, and nothing else in braces';
}
