import { type Fields, fieldsOf } from '../config-json.js';
import { parts } from './pre-tokenizers.js';

/**
 * @param applied the types of normalizers that the vocabulary carries out or that change nothing for it.
 * @returns warnings of those that change text before it is cut and that llama.cpp does not apply.
 */
export function normalizersLeftOut(tokenizer: Fields, applied: readonly string[]): string[] {
  const left = parts(fieldsOf(tokenizer.normalizer))
    .map(({ type }) => String(type))
    .filter((type) => !applied.includes(type));
  if (left.length === 0) return [];
  return [
    `texts that its normalizer changes (${left.join(', ')}) are cut as they are: llama.cpp does not apply it`,
  ];
}
