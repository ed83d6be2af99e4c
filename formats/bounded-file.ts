import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { FormatError } from './format.js';

/**
 * What files that describe a model have at most: a hundred times that of the largest which are known would be
 * something else.
 */
export const MOST_BYTES = {
  /** Configs; those of quantized mixtures list thousands of layers. */
  config: 4 * 2 ** 20,
  template: 2 ** 20,
  /** Of 262,144 tokens some 35 MB. */
  vocabulary: 128 * 2 ** 20,
  /** Questions of a task: 158,000 (EMPEC) have some 100 MB. */
  questions: 256 * 2 ** 20,
} as const;

/**
 * @returns a small file whole.
 * @throws FormatError for one that is larger, or no file; errors of open(2) as they are.
 */
export function readBounded(path: string, most: number): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new FormatError(`${basename(path)} is no file`, 'Get the file again.');
    if (stat.size > most)
      throw new FormatError(`${basename(path)} has ${stat.size} bytes, and ${most} are the most it may have`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
