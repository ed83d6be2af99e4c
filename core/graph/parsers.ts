import { z } from 'zod';
import { textUpTo } from '../bounds.js';
import { isNestedTooDeep, MOST_NESTED } from '../nesting.js';
import { orElse } from '../or-else.js';
import { patternProblem } from '../quality/scorers/pattern.js';
import { GraphError, type Value, valueAt } from './value.js';

/** How an answer is read: a word, or a word with what it needs. */
export const parserSchema = z
  .union([
    z.enum(['text', 'lines', 'list', 'number', 'letter', 'json']),
    z.strictObject({ json: textUpTo(200) }),
    z.strictObject({ regex: textUpTo(500) }),
  ])
  .default('text');
export type Parser = z.infer<typeof parserSchema>;

/** A regular expression is tried on so much of an answer: its time is a small power of that. */
const MOST_TEXT = 2000;
const MARK = /^\s*(?:[-*•]|\(?\d{1,4}[.):])\s+/;

/**
 * Reads an answer. What is not found is null, and no error: models say what they like. `list` takes the lines
 * that begin with a bullet or a number, or a JSON list; `number` and `letter` the last one; `regex` its first
 * group, or all that matches, which may take long.
 * @throws GraphError for lists and records that are nested too deeply.
 */
export function parseAnswer(parser: Parser, answer: string): Value {
  if (typeof parser === 'object') {
    if ('regex' in parser) {
      const match = new RegExp(parser.regex, 'su').exec(answer.slice(0, MOST_TEXT));
      return match === null ? null : (match[1] ?? match[0]);
    }
    const read = jsonIn(answer);
    return read === undefined ? null : (valueAt(read, parser.json.split('.')) ?? null);
  }
  switch (parser) {
    case 'text':
      return answer.trim();
    case 'lines':
      return linesOf(answer);
    case 'list':
      return listIn(answer);
    case 'json':
      return jsonIn(answer) ?? null;
    case 'number': {
      const found = answer
        .replaceAll(/(\d),(?=\d{3}\b)/g, '$1')
        .match(/-?\d+(?:\.\d+)?/g)
        ?.at(-1);
      return found === undefined ? null : Number(found);
    }
    case 'letter':
      return answer.match(/(?<![A-Za-z])[A-Z](?![A-Za-z])/g)?.at(-1) ?? null;
  }
}

/** @returns one sentence why a regular expression cannot be used; null = it can. */
export function parserProblem(parser: Parser): string | null {
  return typeof parser === 'object' && 'regex' in parser ? patternProblem(parser.regex) : null;
}

function linesOf(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

function listIn(answer: string): readonly Value[] {
  const read = jsonIn(answer);
  if (Array.isArray(read)) return read as readonly Value[];
  const marked = linesOf(answer).filter((line) => MARK.test(line));
  return marked.map((line) => line.replace(MARK, '').trim());
}

/** @returns the first JSON list or object of a text that can be read as one; undefined = there is none. */
function jsonIn(text: string): Value | undefined {
  for (const [open, close] of [
    ['{', '}'],
    ['[', ']'],
  ] as const) {
    const [from, to] = [text.indexOf(open), text.lastIndexOf(close)];
    if (from < 0 || to < from) continue;
    const read = orElse(() => JSON.parse(text.slice(from, to + 1)) as Value, undefined);
    if (isNestedTooDeep(read)) throw new GraphError(`the answer nests JSON deeper than ${MOST_NESTED}`);
    if (read !== undefined) return read;
  }
  return undefined;
}
