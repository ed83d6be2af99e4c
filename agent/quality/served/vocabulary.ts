import type { Tokenizer } from '../../../core/serving/tokenizer.js';
import type { TextModel } from '../../../engines/runners/opened.js';

/** The tokens that a server is asked by. */
export type Vocabulary = Pick<TextModel, 'tokenize' | 'beginToken'>;

export function vocabularyOf({ beginToken, tokenize }: Tokenizer): Vocabulary {
  return {
    beginToken,
    tokenize(text, addBegin) {
      const tokens = tokenize(text);
      return addBegin && beginToken !== null ? Int32Array.of(beginToken, ...tokens) : tokens;
    },
  };
}
