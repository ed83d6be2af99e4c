import { isNestedTooDeep } from '../../nesting.js';
import { orElse } from '../../or-else.js';
import { lastNumber } from '../scorers/numeric.js';
import { textOf, valueAt } from '../tasks/template.js';

/**
 * One step of reading answers: it gets what was said to an item, answer by answer, and gives what the next
 * one gets. Plain data.
 */
export type Step =
  | { readonly do: 'letter' | 'boxed' | 'number' | 'strip' | 'lower' | 'upper' | 'first' }
  | { readonly do: 'json'; readonly field: string }
  /**
   * Of all matches the one at `select` (−1 = the last), of its groups the first that is not empty, without
   * blanks at its ends.
   */
  | {
      readonly do: 'regex';
      readonly pattern: string;
      readonly flags: string;
      readonly select: number;
      readonly fallback: string;
    }
  | { readonly do: 'map'; readonly words: Readonly<Record<string, string>>; readonly fallback: string }
  | { readonly do: 'firstFew'; readonly count: number }
  /**
   * What most of them say, of equals what was said first.
   * @param skipEmpty answers that nothing was read in have no vote.
   */
  | { readonly do: 'vote'; readonly skipEmpty: boolean };

/** What is known of an item beside its answers. */
export interface StepContext {
  /** Options that letters may name; left out = all letters. */
  readonly letters?: number;
}

/** Characters of an answer that are searched. */
const MOST_SEARCHED = 100_000;

/**
 * Reads answers step by step.
 * @returns what is scored, answer by answer; '' where a step found nothing.
 */
export function readBy(
  steps: readonly Step[],
  answers: readonly string[],
  context: StepContext = {},
): readonly string[] {
  return steps.reduce((texts, step) => taken(step, texts, context), answers);
}

function taken(step: Step, texts: readonly string[], context: StepContext): readonly string[] {
  switch (step.do) {
    case 'first':
      return texts.slice(0, 1);
    case 'firstFew':
      return texts.slice(0, step.count);
    case 'vote':
      return [vote(step.skipEmpty ? texts.filter((text) => text !== '') : texts)];
    default:
      return texts.map((text) => applyStep(step, text, context));
  }
}

function applyStep(step: Step, text: string, { letters = 26 }: StepContext): string {
  switch (step.do) {
    case 'letter':
      return lastLetter(text, letters);
    case 'boxed':
      return lastBoxed(text);
    case 'number':
      return lastNumber(text)?.toString() ?? '';
    case 'json':
      return fieldOf(text, step.field);
    case 'strip':
      return text.trim();
    case 'lower':
      return text.toLowerCase();
    case 'upper':
      return text.toUpperCase();
    case 'map':
      return Object.hasOwn(step.words, text) ? step.words[text]! : step.fallback;
    case 'regex':
      return match(step, text);
    default:
      return text;
  }
}

function vote(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  let [best, most] = ['', 0];
  for (const [text, count] of counts) if (count > most) [best, most] = [text, count];
  return best;
}

/** `B` of `so the answer is (B).`: the last capital that stands alone and is an option's. */
function lastLetter(text: string, letters: number): string {
  const found = [...text.matchAll(/(?<![\p{L}\p{N}])([A-Z])(?![\p{L}\p{N}])/gu)].map(([, letter]) => letter!);
  return found.findLast((letter) => letter.charCodeAt(0) - 65 < letters) ?? '';
}

/** What the last `\boxed{…}` holds, braces inside it included. */
function lastBoxed(text: string): string {
  const begin = text.lastIndexOf('\\boxed{');
  if (begin < 0) return '';
  let depth = 0;
  for (let i = begin + 6; i < text.length; i++) {
    if (text[i] === '{') depth += 1;
    if (text[i] === '}') depth -= 1;
    if (depth === 0) return text.slice(begin + 7, i).trim();
  }
  return '';
}

/** Objects that are tried: each costs a look at the text behind its brace. */
const MOST_OBJECTS = 100;

/** The value of a field of the last JSON object in a text that has it. */
function fieldOf(text: string, field: string): string {
  const searched = text.slice(0, MOST_SEARCHED);
  const begins = [...searched.matchAll(/\{(?=\s*["}])/g)].slice(-MOST_OBJECTS);
  for (const { index } of begins.reverse()) {
    const end = objectEnd(searched, index);
    const value = end === null ? null : objectIn(searched.slice(index, end));
    const found = value === null ? undefined : valueAt(value, field);
    if (found !== undefined) return textOf(found) ?? JSON.stringify(found);
  }
  return '';
}

/**
 * @returns where the object ends that begins there, in one look at the text, with braces in its strings
 *   aside; null = it does not end.
 */
function objectEnd(text: string, begin: number): number | null {
  let depth = 0;
  let inString = false;
  for (let i = begin; i < text.length; i++) {
    const sign = text[i];
    if (sign === '"') inString = !inString;
    else if (inString) i += Number(sign === '\\');
    else if (sign === '{') depth += 1;
    else if (sign === '}') depth -= 1;
    if (depth === 0) return i + 1;
  }
  return null;
}

function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  const value = orElse(() => JSON.parse(text) as unknown, null);
  return isNestedTooDeep(value) ? null : (value as Record<string, unknown> | null);
}

/** As lm-evaluation-harness's `regex` filter, which is Python's `re.findall`. */
function match({ pattern, flags, select, fallback }: Step & { readonly do: 'regex' }, text: string): string {
  const all = [...text.slice(0, MOST_SEARCHED).matchAll(new RegExp(pattern, `g${flags}`))];
  const found = all.at(select);
  if (found === undefined) return fallback;
  const [whole, ...groups] = found;
  if (groups.length === 0) return whole.trim();
  const first = groups.find((group) => group !== undefined && group !== '');
  return first?.trim() ?? (groups.length > 1 ? fallback : '');
}
