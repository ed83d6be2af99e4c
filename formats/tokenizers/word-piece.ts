import { fieldsOf, textIn } from '../config-json.js';
import { FormatError } from '../format.js';
import type { GgufValue } from '../gguf/value.js';
import { normalizersLeftOut } from './normalizers.js';
import { parts } from './pre-tokenizers.js';
import {
  idsByText,
  modelType,
  placed,
  publishedTokens,
  SPACE,
  TOKEN_TYPES,
  type Token,
  type VocabularyKind,
} from './vocabulary.js';

/** Words are cut into the longest pieces from their beginning: BERT and what was made of it. */
export const wordPiece: VocabularyKind = {
  model: 'bert',
  claims: (folder) => modelType(folder) === 'WordPiece',
  read(folder) {
    const tokenizer = folder.tokenizer ?? {};
    const model = fieldsOf(tokenizer.model);
    const goesOn = textIn(model, 'continuing_subword_prefix') ?? '##';
    const normalizers = parts(fieldsOf(tokenizer.normalizer));
    const bert = normalizers.find(({ type }) => type === 'BertNormalizer');
    const lowercase = bert?.lowercase ?? normalizers.some(({ type }) => type === 'Lowercase');
    const accents =
      bert?.strip_accents ??
      (bert === undefined ? normalizers.some(({ type }) => type === 'StripAccents') : null);
    if (goesOn === '')
      throw new FormatError(
        'its WordPiece vocabulary has no mark for pieces inside of words',
        'llama.cpp needs one, such as ## of BERT.',
      );
    const tokens = publishedTokens(folder);
    for (const [id, token] of tokens)
      if (token.type !== TOKEN_TYPES.control) tokens.set(id, { ...token, text: marked(token.text, goesOn) });
    const vocabulary = placed(folder, tokens);
    const more = new Map<string, GgufValue>([
      ['tokenizer.ggml.normalizer.lowercase', { type: 'bool', value: lowercase === true }],
    ]);
    if (typeof accents === 'boolean')
      more.set('tokenizer.ggml.normalizer.strip_accents', { type: 'bool', value: accents });
    return {
      // Words are found by rules of their own, not by a pre-tokenizer of llama.cpp.
      pre: 'default',
      tokens: vocabulary.tokens,
      scored: false,
      merges: null,
      more,
      warnings: [...vocabulary.warnings, ...normalizersLeftOut(tokenizer, APPLIED)],
    };
  },
  publish(vocabulary) {
    const { tokens, flag, unknown } = vocabulary;
    const textOf = ({ text, type }: Token) => {
      if (type !== TOKEN_TYPES.normal) return text;
      return text.startsWith(SPACE) ? text.slice(SPACE.length) : `##${text}`;
    };
    return {
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: flag('normalizer.strip_accents'),
        lowercase: flag('normalizer.lowercase') !== false,
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
      model: {
        type: 'WordPiece',
        unk_token: unknown === null ? '[UNK]' : tokens[unknown]!.text,
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
        vocab: idsByText(vocabulary, textOf),
      },
    };
  },
  adds: () => ({ bos: true, eos: true }),
};

const APPLIED = ['BertNormalizer', 'Lowercase', 'StripAccents', 'NFD'];

/** ggml marks the piece that a word begins with, BERT those that go on. */
function marked(text: string, goesOn: string): string {
  return text.startsWith(goesOn) ? text.slice(goesOn.length) : `${SPACE}${text}`;
}
