import { letterOf } from '../multiple-choice.js';
import type { Choice } from './choices.js';
import type { TaskDefinition } from './definition.js';
import { textOf } from './template.js';

type Meaning = NonNullable<TaskDefinition['spec']['answerIs']>;

/**
 * Finds which options an answer field says are right. Without a word from the task a whole number counts from
 * 0, one letter is a letter, and other text is an option.
 * @returns indices in ascending order, or one sentence what is wrong.
 */
export function rightAnswers(
  meaning: Meaning | null,
  answer: unknown,
  choices: readonly Choice[],
): readonly number[] | string {
  const values = Array.isArray(answer) ? answer : [answer];
  const indices = new Set<number>();
  for (const value of values) {
    const text = textOf(value)?.trim() ?? null;
    if (text === null) return 'the answer has to be text or a number';
    const is = meaning ?? meaningOf(value, text);
    for (const given of wordsOf(is, text, choices)) {
      const index = indexOf(is, given, choices);
      if (typeof index === 'string') return index;
      indices.add(index);
    }
  }
  return indices.size === 0 ? 'the answer is empty' : [...indices].sort((a, b) => a - b);
}

function meaningOf(value: unknown, text: string): Meaning {
  if (typeof value === 'number') return 'index';
  return /^[A-Za-z]$/.test(text) ? 'letter' : 'text';
}

/**
 * `A,C`, `A C` and `ACD` are several letters; options in words, and numbers, are taken whole or between
 * commas.
 */
function wordsOf(is: Meaning, text: string, choices: readonly Choice[]): readonly string[] {
  if (is === 'text' || text === '') return [text];
  const parts = text.split(/[\s,;，、；]+/u).filter((part) => part !== '');
  const letters = is === 'letter' || choices.every(({ label }) => label !== null && /^[A-Za-z]$/.test(label));
  return parts.flatMap((part) => (letters && /^[A-Za-z]{2,}$/.test(part) ? [...part] : [part]));
}

function indexOf(is: Meaning, given: string, choices: readonly Choice[]): number | string {
  const last = choices.length - 1;
  if (is === 'text') {
    const at = choices.findIndex(({ text }) => text.trim() === given);
    return at >= 0 ? at : `the answer ${JSON.stringify(given)} is none of the options`;
  }
  if (is === 'label') {
    const at = choices.findIndex(({ label }) => label?.toLowerCase() === given.toLowerCase());
    const known = choices.map(({ label }) => label ?? '?').join(', ');
    return at >= 0 ? at : `the answer ${given} is none of the labels ${known}`;
  }
  if (is === 'letter') {
    const at = /^[A-Za-z]$/.test(given) ? given.toUpperCase().charCodeAt(0) - 65 : -1;
    return at >= 0 && at <= last ? at : `the answer ${given} is not a letter from A to ${letterOf(last)}`;
  }
  const first = is === 'number' ? 1 : 0;
  const at = /^\d{1,4}$/.test(given) ? Number(given) - first : -1;
  if (at >= 0 && at <= last) return at;
  return `the answer ${given} is not a whole number from ${first} to ${last + first} (${choices.length} options)`;
}
