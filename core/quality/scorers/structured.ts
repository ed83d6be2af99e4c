import { isNestedTooDeep } from '../../nesting.js';
import { orElse } from '../../or-else.js';
import { f1 } from './words.js';

/**
 * Items of a list as people and models write one: JSON's, else one a line, else parted by commas or
 * semicolons; without numbers, dashes and quotes around them.
 * @returns them in lower case, each once.
 */
export function listed(text: string): Set<string> {
  const read = jsonIn(text);
  const parts = Array.isArray(read)
    ? read.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
    : text.split(/\n/.test(text.trim()) ? /\n/ : /[,;，；、]/u);
  const bare = parts.map((part) =>
    part
      .trim()
      .replace(/^(?:[-*•]|\d{1,3}[.)])\s+/u, '')
      .replace(/^["'`]|["'`.]$/gu, '')
      .trim()
      .toLowerCase(),
  );
  return new Set(bare.filter((part) => part !== ''));
}

/** @returns 1 where both list the same, in whatever order. */
export function setMatch(answer: string, reference: string): number {
  const [got, wanted] = [listed(answer), listed(reference)];
  return Number(got.size === wanted.size && [...got].every((one) => wanted.has(one)));
}

/** @returns F1 of what is listed; two empty lists agree. */
export function setF1(answer: string, reference: string): number {
  const [got, wanted] = [listed(answer), listed(reference)];
  if (got.size === 0 || wanted.size === 0) return Number(got.size === wanted.size);
  const shared = [...got].filter((one) => wanted.has(one)).length;
  return f1(shared / got.size, shared / wanted.size);
}

/**
 * @returns 1 where both hold the same JSON: keys in any order, lists in any order, texts without blanks
 *   around them, in any case.
 */
export function jsonMatch(answer: string, reference: string): number {
  const [got, wanted] = [answer, reference].map((text) => plain(jsonIn(text)));
  return Number(got !== null && got === wanted);
}

/**
 * F1 over the keys of two objects: a key counts where both have it with the same value (as jsonMatch compares
 * them).
 * @returns 0 where one of them is no object.
 */
export function jsonKeysF1(answer: string, reference: string): number {
  const [got, wanted] = [jsonIn(answer), jsonIn(reference)];
  if (!isObject(got) || !isObject(wanted)) return 0;
  const [own, theirs] = [Object.keys(got), Object.keys(wanted)];
  if (own.length === 0 || theirs.length === 0) return Number(own.length === theirs.length);
  const same = own.filter((key) => {
    const value = Object.hasOwn(wanted, key) ? plain(got[key]) : null;
    return value !== null && value === plain(wanted[key]);
  });
  return f1(same.length / own.length, same.length / theirs.length);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * @returns the JSON in a text: the whole, else from the first brace or bracket to the last that closes one;
 *   undefined = none, or one that is nested too deeply.
 */
function jsonIn(text: string): unknown {
  const first = text.search(/[[{]/);
  const last = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']'));
  for (const piece of [text, first < 0 ? '' : text.slice(first, last + 1)]) {
    const read = orElse(() => JSON.parse(piece) as unknown, undefined);
    if (read !== undefined) return isNestedTooDeep(read) ? undefined : read;
  }
  return undefined;
}

/** @returns one spelling of all values that count as equal; null for none. */
function plain(value: unknown): string | null {
  return value === undefined ? null : spelt(value);
}

function spelt(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.trim().toLowerCase());
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(spelt).sort().join(',')}]`;
  const fields = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}:${spelt(one)}`);
  return `{${fields.sort().join(',')}}`;
}
