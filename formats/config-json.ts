import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { FormatError } from './format.js';

/** What transformers and its exporters put beside the weights. */
export const CONFIG = 'config.json';

/** @returns the parsed file. @throws FormatError when it is not JSON. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new FormatError(
      `${basename(path)} is not JSON (${(error as Error).message})`,
      'Get the file again.',
    );
  }
}
