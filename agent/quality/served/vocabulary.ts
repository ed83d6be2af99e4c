import type { Tokenizer } from '../../../core/serving/tokenizer.js';
import type { TextModel } from '../../../engines/runners/opened.js';

/** The tokens that a server is asked by. */
export type Vocabulary = Pick<TextModel, 'tokenize' | 'beginToken' | 'chat'>;

export function vocabularyOf({ beginToken, tokenize, chat }: Tokenizer): Vocabulary {
  return {
    beginToken,
    chat,
    tokenize(text, addBegin) {
      const tokens = tokenize(text);
      return addBegin && beginToken !== null ? Int32Array.of(beginToken, ...tokens) : tokens;
    },
  };
}
