import { GraphError, textOf, type Value, type Values, valueAt } from './value.js';

/** A place of a template: a variable, the way into it, and how it is written. */
export interface Place {
  readonly name: string;
  readonly path: readonly string[];
  readonly filter: FilterName | null;
}

/** Texts as they stand, and places. */
export type Template = readonly (string | Place)[];

/** @param field of each element that is written in its place, where it has one. */
const lines = (value: Value, line: (text: string, index: number) => string, field: string | null = null) =>
  (Array.isArray(value) ? (value as readonly Value[]) : [value])
    .map((one, i) => line(textOf((field === null ? one : valueAt(one, [field])) ?? one), i))
    .join('\n');
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** How a value can be written, by the word after `|`. */
const FILTERS = {
  lines: (value: Value) => lines(value, (text) => text),
  texts: (value: Value) => lines(value, (text) => text, 'text'),
  numbered: (value: Value) => lines(value, (text, i) => `${i + 1}. ${text}`),
  lettered: (value: Value) => lines(value, (text, i) => `${LETTERS[i] ?? i + 1}. ${text}`),
  json: (value: Value) => JSON.stringify(value),
  trim: (value: Value) => textOf(value).trim(),
  count: (value: Value) => String(Array.isArray(value) ? value.length : textOf(value).length),
} as const;
type FilterName = keyof typeof FILTERS;
const isFilter = (name: string): name is FilterName => Object.hasOwn(FILTERS, name);

const PLACE = /\{\{(.*?)\}\}/gs;
const INSIDE = /^\s*([A-Za-z_]\w*)((?:\.\w+)*)\s*(?:\|\s*([A-Za-z]+)\s*)?$/;

/**
 * Reads `{{name}}`, `{{name.field.0}}` and `{{name | numbered}}`.
 * @returns the template, or one sentence why it does not render.
 */
export function parseTemplate(text: string): Template | string {
  const parts: (string | Place)[] = [];
  let at = 0;
  for (const match of text.matchAll(PLACE)) {
    const before = text.slice(at, match.index);
    at = match.index + match[0].length;
    const [, name, path = '', filter = null] = INSIDE.exec(match[1]!) ?? [];
    if (name === undefined)
      return `the template does not render: ${match[0].slice(0, 60)} is no variable, such as {{article}} or {{items.0.title | trim}}`;
    if (filter !== null && !isFilter(filter))
      return `the template does not render: there is no filter ${filter}, but ${Object.keys(FILTERS).join(', ')}`;
    if (before !== '') parts.push(before);
    parts.push({ name, path: path.split('.').slice(1), filter });
  }
  if (at < text.length) parts.push(text.slice(at));
  const open = parts.some((part) => typeof part === 'string' && /\{\{|\}\}/.test(part));
  return open ? 'the template does not render: braces {{ and }} do not pair' : parts;
}

/** @returns the names of variables that a template asks for. */
export function namesIn(template: Template): readonly string[] {
  return template.flatMap((part) => (typeof part === 'string' ? [] : [part.name]));
}

/**
 * Fills a template; braces inside values mean nothing.
 * @throws GraphError for a field that a value does not have.
 */
export function render(template: Template, values: Values): string {
  return template
    .map((part) => {
      if (typeof part === 'string') return part;
      const value = valueAt(values.get(part.name) ?? null, part.path);
      if (value === undefined) {
        const path = [part.name, ...part.path].join('.');
        throw new GraphError(`a prompt asks for ${path}, and ${part.name} has no ${part.path.join('.')}`);
      }
      return part.filter === null ? textOf(value) : FILTERS[part.filter](value);
    })
    .join('');
}
