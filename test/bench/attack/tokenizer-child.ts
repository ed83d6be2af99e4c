/** Opens the tokenizer of a folder, counts a chat and cuts a text by it, and says how that ended. */

import { toFailure } from '../../../core/errors.js';
import { openTokenizer } from '../../../engines/runners/tokenizer.js';

const [folder = '', text = ''] = process.argv.slice(2);
try {
  const tokenizer = await openTokenizer(folder);
  tokenizer?.chat?.promptTokens([{ role: 'user', content: text }]);
  console.log(`${tokenizer?.tokenize(text).length} tokens`);
} catch (error) {
  console.log(toFailure(error).message);
}
