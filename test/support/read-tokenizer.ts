import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '../../formats/format.js';
import { ggufTokenizer } from '../../formats/tokenizers/gguf-tokenizer.js';

/** Keys without `tokenizer.ggml.`, with plain values. */
export function readTokenizer(folder: string): Record<string, unknown> {
  return Object.fromEntries(
    [...ggufTokenizer(folder).metadata].map(([key, value]) => [
      key.replace('tokenizer.ggml.', ''),
      value.type === 'array' ? value.values : 'value' in value ? value.value : null,
    ]),
  );
}

/** @returns what a reader says of a folder that it refuses. */
export function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (error instanceof FormatError) return `${error.message}. ${error.hint ?? ''}`;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** The tokenizer.json of the published byte-level BPE. */
export const publishedBytePair = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/tokenizer/tokenizer.json'), 'utf8'),
) as {
  readonly model: { readonly vocab: Record<string, number>; readonly merges: string[] };
};
