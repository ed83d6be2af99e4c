import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { FormatError } from './format.js';

/** What transformers and its exporters put beside the weights. */
export const CONFIG = 'config.json';

/** @returns the parsed file. @throws FormatError when it is not JSON. */
export function readJson(path: string): unknown {
  return parseJson(readFileSync(path, 'utf8'), basename(path));
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
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** @returns a text that is one. */
export function textIn(fields: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = fields[name];
  return typeof value === 'string' ? value : null;
}
