import { createHash } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, test } from 'vitest';
import type { Fields } from '../../../formats/config-json.js';
import { CHECK_TEXT, checkHash, knownByHash } from '../../../formats/tokenizers/check-hashes.js';
import { ggufTokenizer } from '../../../formats/tokenizers/gguf-tokenizer.js';
import { knownBySteps, publishedSteps } from '../../../formats/tokenizers/pre-tokenizers.js';
import { publishedTokenizer } from '../../../formats/tokenizers/published-tokenizer.js';
import { publishedBytePair, readTokenizer, refusal } from '../../support/read-tokenizer.js';
import {
  BERT_CONFIG,
  bytePairFolder,
  PIECES,
  sentencePieceModel,
  tokenizerFolder,
  WORDS,
} from '../../support/tokenizer-folders.js';

const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE] = [1, 2, 3, 4, 5, 6];

const textsOf = (ids: Fields) => Object.keys(ids).sort((a, b) => Number(ids[a]) - Number(ids[b]));

describe('byte-level BPE', () => {
  test('has its tokens, merges and pre-tokenizer, and as many rows as the model', () => {
    const found = readTokenizer(bytePairFolder({ 'config.json': { vocab_size: 602 } }));
    expect(found).toMatchObject({ model: 'gpt2', pre: 'gpt-2', bos_token_id: 0, add_bos_token: false });
    expect(found.tokens).toEqual([...textsOf(publishedBytePair.model.vocab), '[PAD600]', '[PAD601]']);
    expect((found.token_type as number[]).slice(0, 2)).toEqual([CONTROL, NORMAL]);
    expect((found.token_type as number[]).slice(-3)).toEqual([NORMAL, UNUSED, UNUSED]);
    expect(found.merges).toHaveLength(publishedBytePair.model.merges.length);
    expect((found.merges as string[])[0]).toBe([publishedBytePair.model.merges[0]].flat().join(' '));
    expect(found.scores).toBeUndefined();
  });

  test('that is kept in the older files is the same', () => {
    const { vocab, merges } = publishedBytePair.model;
    const older = tokenizerFolder({
      'vocab.json': vocab,
      'merges.txt': `#version: 0.2\n${merges.map((merge) => [merge].flat().join(' ')).join('\n')}\n`,
      'tokenizer_config.json': { tokenizer_class: 'GPT2Tokenizer', bos_token: '<s>' },
    });
    expect(readTokenizer(older)).toEqual(readTokenizer(bytePairFolder()));
    const unknown = tokenizerFolder({
      'vocab.json': {},
      'merges.txt': '',
      'tokenizer_config.json': { tokenizer_class: 'CTRLTokenizer' },
    });
    expect(refusal(() => readTokenizer(unknown))).toMatch(
      /class CTRLTokenizer, whose rules do not stand in vocab\.json.*save_pretrained/,
    );
  });

  test('writes a space inside of a merge as byte-level BPE does', () => {
    const tokenizer = { ...publishedBytePair, model: { ...publishedBytePair.model, merges: [['a b', 'c']] } };
    const folder = bytePairFolder({ 'tokenizer.json': tokenizer });
    expect(readTokenizer(folder).merges).toEqual(['aĠb c']);
  });

  test('says where llama.cpp does otherwise', () => {
    const { warnings } = ggufTokenizer(
      bytePairFolder({
        'tokenizer.json': {
          ...publishedBytePair,
          normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }] },
          pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true },
        },
        'config.json': { vocab_size: 500 },
      }),
    );
    expect(warnings).toEqual([
      '100 tokens have ids beyond the 500 rows of the model and are left out',
      'texts that its normalizer changes (NFC) are cut as they are: llama.cpp does not apply it',
      'it puts a space before a text that begins without one; llama.cpp does not',
    ]);
  });

  test('is known by what its pre-tokenizer makes of a text, else by what it says', () => {
    // The text as llama.cpp's converter has it: one letter off would give hashes that nothing knows.
    expect(createHash('sha256').update(CHECK_TEXT).digest('hex')).toBe(
      'a36179c1e2b1cfcfbfad1dc779addad2ffc778201e4cf0d538bddeafa2c526da',
    );
    expect(checkHash([1, 20, 300])).toBe(createHash('sha256').update('[1, 20, 300]').digest('hex'));
    expect(knownByHash('0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5')).toBe('llama-bpe');
    const llama3 = {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: {
            Regex:
              "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          },
          behavior: 'Isolated',
          invert: false,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    };
    expect(knownBySteps(llama3, true)).toBe('llama-bpe');
    expect(knownBySteps(llama3, false)).toBe('smaug-bpe');
    for (const name of [
      'gpt-2',
      'starcoder',
      'llama-bpe',
      'smaug-bpe',
      'qwen2',
      'qwen35',
      'gpt-4o',
      'tekken',
      'deepseek-v3',
    ]) {
      const { preTokenizer, ignoresMerges } = publishedSteps(name)!;
      expect(knownBySteps(preTokenizer, ignoresMerges)).toBe(name);
    }
    const folder = bytePairFolder({
      'tokenizer.json': {
        ...publishedBytePair,
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [{ type: 'Digits', individual_digits: false }, { type: 'ByteLevel' }],
        },
      },
    });
    expect(refusal(() => readTokenizer(folder))).toMatch(
      /^llama\.cpp cuts text in none of the ways .*\. Convert it with/,
    );
  });
});

describe('SentencePiece', () => {
  const config = {
    tokenizer_class: 'LlamaTokenizer',
    bos_token: '<s>',
    eos_token: '</s>',
    add_bos_token: true,
  };

  test('has its scores and types, and text that is not cut has its spaces', () => {
    const found = readTokenizer(
      tokenizerFolder({
        'tokenizer.model': sentencePieceModel(PIECES),
        'tokenizer_config.json': {
          ...config,
          added_tokens_decoder: {
            271: { content: '<|user|>', special: false },
            272: { content: '▁x', special: false },
          },
        },
        'added_tokens.json': { '<extra>': 273 },
        'config.json': { vocab_size: 275, eos_token_id: 2 },
      }),
    );
    const tokens = found.tokens as string[];
    const types = found.token_type as number[];
    const scores = found.scores as number[];
    expect(found).toMatchObject({
      model: 'llama',
      pre: 'default',
      bos_token_id: 1,
      eos_token_id: 2,
      add_bos_token: true,
    });
    expect(found.add_space_prefix).toBeUndefined();
    expect([types[0], types[1], types[3 + 10]]).toEqual([UNKNOWN, CONTROL, BYTE]);
    expect([tokens[259], types[259]]).toEqual(['   ', USER_DEFINED]);
    expect([tokens[262], types[262], scores[262]]).toEqual(['▁the', NORMAL, -3]);
    expect(tokens.slice(271)).toEqual(['<|user|>', ' x', '<extra>', '[PAD274]']);
    expect(types.slice(271)).toEqual([CONTROL, USER_DEFINED, USER_DEFINED, UNUSED]);
  });

  test('puts no space before a text where its model puts none', () => {
    const folder = (more: object) =>
      tokenizerFolder({ 'tokenizer.model': sentencePieceModel(PIECES, { prefix: false }), ...more });
    expect(readTokenizer(folder({})).add_space_prefix).toBe(false);
    expect(
      readTokenizer(folder({ 'tokenizer_config.json': { add_prefix_space: true } })).add_space_prefix,
    ).toBe(true);
  });

  test('that only has tokenizer.json is scored by its merges', () => {
    const written = readTokenizer(
      tokenizerFolder({ 'tokenizer.model': sentencePieceModel(PIECES), 'tokenizer_config.json': config }),
    );
    const { files } = publishedTokenizer(
      ggufTokenizer(
        tokenizerFolder({ 'tokenizer.model': sentencePieceModel(PIECES), 'tokenizer_config.json': config }),
      ).metadata,
    );
    const again = readTokenizer(tokenizerFolder(Object.fromEntries(files)));
    expect(again.tokens).toEqual(written.tokens);
    expect(again.token_type).toEqual((written.token_type as number[]).with(0, CONTROL));
    const merged = ['▁t', 'he', '▁the', 'th'];
    const scoreOf = (found: Record<string, unknown>) => (text: string) =>
      (found.scores as number[])[(found.tokens as string[]).indexOf(text)]!;
    const byScore = (found: Record<string, unknown>) =>
      [...merged].sort((a, b) => scoreOf(found)(b) - scoreOf(found)(a));
    expect(byScore(again)).toEqual(byScore(written));
  });

  test('that is damaged is refused in a sentence', () => {
    const cut = sentencePieceModel(PIECES).subarray(0, 301);
    expect(refusal(() => readTokenizer(tokenizerFolder({ 'tokenizer.model': cut })))).toMatch(
      /^tokenizer\.model is no SentencePiece model/,
    );
    expect(refusal(() => readTokenizer(tokenizerFolder({ 'tokenizer.model': new Uint8Array(0) })))).toMatch(
      /has no pieces/,
    );
    expect(
      refusal(() =>
        readTokenizer(tokenizerFolder({ 'tokenizer.model': sentencePieceModel(PIECES, { model: 3 }) })),
      ),
    ).toMatch(/into words or characters/);
    const twice = tokenizerFolder({ 'tokenizer.model': sentencePieceModel([...PIECES, { text: 'he' }]) });
    expect(refusal(() => readTokenizer(twice))).toMatch(/its tokens 261 and 271 have the same text, "he"/);
  });
});

test('WordPiece marks where words begin, and has its older file', () => {
  const folder = tokenizerFolder({
    'vocab.txt': `${WORDS.join('\n')}\n`,
    'tokenizer_config.json': BERT_CONFIG,
  });
  const found = readTokenizer(folder);
  expect(found).toMatchObject({
    model: 'bert',
    'normalizer.lowercase': true,
    bos_token_id: 2,
    eos_token_id: 3,
    seperator_token_id: 3,
    unknown_token_id: 1,
    padding_token_id: 0,
    mask_token_id: 4,
    add_bos_token: true,
    add_eos_token: true,
    add_sep_token: false,
  });
  expect(found.tokens).toEqual([...WORDS.slice(0, 5), '▁the', '▁un', 'aff', 'able', '▁,', '▁a', 's']);
  const { files } = publishedTokenizer(ggufTokenizer(folder).metadata);
  expect(readTokenizer(tokenizerFolder(Object.fromEntries(files)))).toEqual({ ...found });
  const published = new Tokenizer(JSON.parse(files.get('tokenizer.json')!), {});
  expect(published.encode('The unaffable, as').ids).toEqual([2, 5, 6, 7, 8, 9, 10, 11, 3]);
});

test('Unigram has its scores, its rules for spaces and its normalization', () => {
  const pieces = [
    { text: '<pad>', type: 3 },
    { text: '</s>', type: 3 },
    { text: '<unk>', type: 2 },
    { text: '▁the', score: -2.5 },
  ];
  // The length of its table, the table, and no text.
  const charsMap = Uint8Array.of(4, 0, 0, 0, 1, 2, 3, 4, 0);
  const folder = tokenizerFolder({
    'spiece.model': sentencePieceModel(pieces, { model: 1, extra: true, charsMap }),
  });
  const found = readTokenizer(folder);
  expect(found).toMatchObject({
    model: 't5',
    add_space_prefix: true,
    remove_extra_whitespaces: true,
    scores: [0, 0, 0, -2.5],
  });
  expect(found.precompiled_charsmap).toEqual([...charsMap]);
  const { files } = publishedTokenizer(ggufTokenizer(folder).metadata);
  const { tokens, scores, precompiled_charsmap } = readTokenizer(tokenizerFolder(Object.fromEntries(files)));
  expect({ tokens, scores, precompiled_charsmap }).toEqual({
    tokens: found.tokens,
    scores: found.scores,
    precompiled_charsmap: found.precompiled_charsmap,
  });
});

describe('what llama.cpp would end on is refused beforehand', () => {
  test('a vocabulary of SentencePiece without all bytes, and a byte that is none', () => {
    const pieces = PIECES.filter(({ text }) => text !== '<0xE4>' && text !== '<0x74>');
    // `t` is a piece itself.
    expect(
      refusal(() => readTokenizer(tokenizerFolder({ 'tokenizer.model': sentencePieceModel(pieces) }))),
    ).toMatch(/no token for 1 of 256 bytes, such as <0xE4>\. .*byte_fallback/);
    const odd = [...PIECES, { text: 'B', type: 6 }];
    expect(
      refusal(() => readTokenizer(tokenizerFolder({ 'tokenizer.model': sentencePieceModel(odd) }))),
    ).toMatch(/its token 271 stands for a byte and is called "B"/);
  });

  test('a model that is called Phi-3 and lacks its tokens', () => {
    const named = (name: string) => {
      const folder = join(tokenizerFolder({}), name);
      cpSync(bytePairFolder(), folder, { recursive: true });
      return folder;
    };
    expect(refusal(() => readTokenizer(named('my-Phi-3-mini')))).toMatch(
      /called my-Phi-3-mini, .* with the token <\/s>, <unk>, <\|endoftext\|>, which it lacks\. Call its folder/,
    );
    expect(readTokenizer(named('my-phi-4')).model).toBe('gpt2');
  });

  test('a token that is put around texts and is not named', () => {
    const words = tokenizerFolder({ 'vocab.txt': WORDS.filter((word) => word !== '[SEP]').join('\n') });
    expect(refusal(() => readTokenizer(words))).toMatch(
      /puts a token (?:before|behind) every text and does not say which \((?:bos|sep)_token\)/,
    );
  });

  test('rules of normalization that are cut off', () => {
    const pieces = [
      { text: '<pad>', type: 3 },
      { text: '</s>', type: 3 },
      { text: '<unk>', type: 2 },
    ];
    const charsMap = Uint8Array.of(8, 0, 0, 0, 1, 2, 3, 4);
    const folder = tokenizerFolder({ 'spiece.model': sentencePieceModel(pieces, { model: 1, charsMap }) });
    expect(refusal(() => readTokenizer(folder))).toMatch(/precompiled_charsmap\) are cut off/);
  });
});
