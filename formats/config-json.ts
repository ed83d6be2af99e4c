import { basename } from 'node:path';
import { MOST_BYTES, readBounded } from './bounded-file.js';
import { FormatError } from './format.js';

/** What transformers and its exporters put beside the weights. */
export const CONFIG = 'config.json';

/** An object of which nothing is known yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** @returns the parsed file. @throws FormatError when it is not JSON, or larger than it may be. */
export function readJson(path: string, most: number = MOST_BYTES.config): unknown {
  return parseJson(readBounded(path, most).toString('utf8'), basename(path));
}

/** @throws FormatError when the text of a file of that name is not JSON. */
export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${name} is not JSON (${(error as Error).message})`, 'Get the file again.');
  }
}

/** @returns the fields of an object, none of anything else. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

/** @returns a text that is one. */
export function textIn(fields: Fields, name: string): string | null {
  const value = fields[name];
  return typeof value === 'string' ? value : null;
}

/** @returns the entries of a list, none of anything else. */
export function listIn(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  return Array.isArray(value) ? value : [];
}
