import { formatOf } from '../../formats/index.js';
import type { Tokenizer } from '../serving/tokenizer.js';

/**
 * Opens the tokenizer of a model's file.
 * @returns null where there is none that can be opened.
 * @throws FailureError and FormatError for a file that cannot be read.
 */
export async function openTokenizer(path: string): Promise<Tokenizer | null> {
  if (formatOf(path).name !== 'gguf') return null;
  const { openGgufTokenizer } = await import('./llama-cpp/tokenizer.js');
  return await openGgufTokenizer(path);
}
