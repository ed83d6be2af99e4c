import type { GgufValue } from '../../../formats/gguf/value.js';

export function ggufTokenizer(_folder: string): {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly warnings: readonly string[];
} {
  return {
    metadata: new Map([['tokenizer.ggml.model', { type: 'string', value: 'no_vocab' }]]),
    warnings: ['its tokenizer was left out'],
  };
}
