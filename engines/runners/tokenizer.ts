import { statSync } from 'node:fs';
import type { Tokenizer } from '../../core/serving/tokenizer.js';
import { formatOf } from '../../formats/index.js';

/**
 * Opens the tokenizer of a model: of its file, or of its folder's `tokenizer.json`.
 * @returns null where there is none that can be opened.
 * @throws FailureError and FormatError for a file that cannot be read.
 */
export async function openTokenizer(path: string): Promise<Tokenizer | null> {
  if (statSync(path).isDirectory()) {
    const { openPublishedTokenizer } = await import('./published-tokenizer.js');
    return openPublishedTokenizer(path);
  }
  if (formatOf(path).name !== 'gguf') return null;
  const { openGgufTokenizer } = await import('./llama-cpp/tokenizer.js');
  return await openGgufTokenizer(path);
}
