import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MOST_BYTES, readBounded } from '../bounded-file.js';
import { type Fields, fieldsOf, readJson, textIn } from '../config-json.js';
import { FormatError } from '../format.js';
import { contentOf } from './content.js';
import { QWEN2_WORDS } from './pre-tokenizers.js';

const VOCABULARY = 'vocab.json';
const MERGES = 'merges.txt';
const WORDS = 'vocab.txt';

/** What transformers' tokenizers in Python are kept in, which are older than tokenizer.json. */
export const SLOW_FILES = [VOCABULARY, MERGES, WORDS];

/** What a class of transformers does that its files do not say, in the words of tokenizer.json. */
const CLASSES: Readonly<Record<string, Fields>> = {
  GPT2Tokenizer: { pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true } },
  RobertaTokenizer: {
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: { type: 'RobertaProcessing', cls: ['<s>', 0], sep: ['</s>', 2] },
  },
  Qwen2Tokenizer: {
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN2_WORDS }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      ],
    },
  },
};

/** What BERT's special tokens are called where the config does not say. */
const BERT_TOKENS = {
  unk_token: '[UNK]',
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  mask_token: '[MASK]',
};

/**
 * Reads a folder without tokenizer.json.
 * @param config of tokenizer_config.json.
 * @returns what its tokenizer.json would say; null where it has no such files.
 * @throws FormatError for a file that is damaged, and a class whose rules are not known.
 */
export function fromSlowFiles(folder: string, config: Fields): Fields | null {
  if (existsSync(join(folder, VOCABULARY)) && existsSync(join(folder, MERGES)))
    return bytePairs(folder, config);
  return existsSync(join(folder, WORDS)) ? wordPieces(folder, config) : null;
}

function bytePairs(folder: string, config: Fields): Fields {
  const name = (textIn(config, 'tokenizer_class') ?? 'GPT2Tokenizer').replace(/Fast$/, '');
  const rules = CLASSES[name];
  if (rules === undefined)
    throw new FormatError(
      `its tokenizer is of the class ${name}, whose rules do not stand in ${VOCABULARY} and ${MERGES}`,
      'Save it with transformers: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) writes tokenizer.json.',
    );
  const vocab = fieldsOf(readJson(join(folder, VOCABULARY), MOST_BYTES.vocabulary));
  const merges = linesOf(join(folder, MERGES)).filter((line) => line !== '' && !line.startsWith('#version'));
  return { ...rules, model: { type: 'BPE', vocab, merges }, added_tokens: special(config, vocab) };
}

function wordPieces(folder: string, config: Fields): Fields {
  const words = linesOf(join(folder, WORDS));
  if (words.at(-1) === '') words.pop();
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
  const lowercase = config.do_lower_case !== false;
  return {
    normalizer: { type: 'BertNormalizer', lowercase, strip_accents: config.strip_accents ?? null },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'BertProcessing',
      cls: ['[CLS]', vocab['[CLS]'] ?? null],
      sep: ['[SEP]', vocab['[SEP]'] ?? null],
    },
    model: { type: 'WordPiece', vocab, continuing_subword_prefix: '##', unk_token: '[UNK]' },
    added_tokens: special({ ...BERT_TOKENS, ...config }, vocab),
  };
}

/** Tokens that the config names, where the vocabulary has them. */
function special(config: Fields, vocab: Fields): Fields[] {
  const named = Object.entries(config).flatMap(([key, value]) => {
    if (key === 'additional_special_tokens' && Array.isArray(value)) return value.map(contentOf);
    return key.endsWith('_token') ? contentOf(value) : [];
  });
  return [...new Set(named)].flatMap((content) => {
    const id = content === null ? null : vocab[content];
    return typeof id === 'number' ? { id, content, special: true } : [];
  });
}

const linesOf = (path: string) => readBounded(path, MOST_BYTES.vocabulary).toString('utf8').split(/\r?\n/);
