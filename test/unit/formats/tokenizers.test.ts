import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, test } from 'vitest';
import { FormatError } from '../../../formats/format.js';
import { tokenizerOf } from '../../../formats/tokenizers/files.js';
import { ggufTokenizer } from '../../../formats/tokenizers/gguf-tokenizer.js';
import { publishedTokenizer } from '../../../formats/tokenizers/published-tokenizer.js';
import { publishedBytePair, readTokenizer, refusal } from '../../support/read-tokenizer.js';
import {
  BERT_CONFIG,
  bytePairFolder,
  PIECES,
  sentencePieceModel,
  tokenizerFolder,
} from '../../support/tokenizer-folders.js';

describe('tokens that steer', () => {
  const special = (id: string, type_id = 0) => ({ SpecialToken: { id, type_id } });
  const sequence = (id: string, type_id = 0) => ({ Sequence: { id, type_id } });
  const withTokens = (more: object, config: object, other: object = {}) =>
    bytePairFolder({
      'tokenizer.json': {
        ...publishedBytePair,
        added_tokens: ['<s>', '<e>', '<turn>', '<call>'].map((content, i) => ({
          id: i === 0 ? 0 : 599 + i,
          content,
          special: true,
        })),
        ...more,
      },
      'tokenizer_config.json': config,
      ...other,
    });

  test('stand around a text as its template says', () => {
    const template = {
      type: 'TemplateProcessing',
      single: [special('<s>'), sequence('A'), special('<e>')],
      pair: [special('<s>'), sequence('A'), special('<e>'), special('<e>'), sequence('B'), special('<e>')],
    };
    const found = readTokenizer(
      withTokens(
        { post_processor: { type: 'Sequence', processors: [{ type: 'ByteLevel' }, template] } },
        { eos_token: '<turn>' },
      ),
    );
    expect(found).toMatchObject({
      bos_token_id: 0,
      eos_token_id: 600,
      eot_token_id: 601,
      add_bos_token: true,
      add_eos_token: true,
      add_sep_token: true,
    });
  });

  test('are not added where the config says so, nor where there are none', () => {
    const template = { type: 'TemplateProcessing', single: [special('<s>'), sequence('A')], pair: [] };
    expect(
      readTokenizer(withTokens({ post_processor: template }, { add_bos_token: false })).add_bos_token,
    ).toBe(false);
    expect(readTokenizer(withTokens({ post_processor: null }, { add_eos_token: true })).add_eos_token).toBe(
      false,
    );
    expect(
      readTokenizer(
        withTokens({ post_processor: null }, { add_eos_token: true, eos_token: { content: '<e>' } }),
      ).add_eos_token,
    ).toBe(true);
  });

  test('that end an answer are all known', () => {
    const ends = {
      'generation_config.json': { eos_token_id: [600, 601, 602] },
      'config.json': { eos_token_id: 600 },
    };
    expect(readTokenizer(withTokens({}, {}, ends))).toMatchObject({
      eos_token_id: 600,
      eot_token_id: 601,
      eom_token_id: 602,
    });
    const letter = { 'config.json': { eos_token_id: 2 }, 'generation_config.json': { eos_token_id: 2 } };
    expect(readTokenizer(withTokens({}, { eos_token: '<e>' }, letter)).eot_token_id).toBeUndefined();
    const beyond = { 'config.json': { vocab_size: 600, eos_token_id: 600 } };
    expect(readTokenizer(withTokens({}, {}, beyond)).eos_token_id).toBeUndefined();
  });

  test('are named in special_tokens_map.json where the config does not name them', () => {
    expect(
      readTokenizer(withTokens({}, { eos_token: null }, { 'special_tokens_map.json': { eos_token: '<e>' } }))
        .eos_token_id,
    ).toBe(600);
  });
});

test('chat templates are one, or several by their names', () => {
  const several = [
    { name: 'default', template: 'a' },
    { name: 'tool use', template: 'b' },
  ];
  expect(
    readTokenizer(bytePairFolder({ 'tokenizer_config.json': { chat_template: several } })),
  ).toMatchObject({
    'tokenizer.chat_templates': ['tool_use'],
    'tokenizer.chat_template.tool_use': 'b',
    'tokenizer.chat_template': 'a',
  });
  const files = {
    'chat_template.jinja': 'c',
    'additional_chat_templates/rag.jinja': 'd',
    'tokenizer_config.json': { chat_template: 'old' },
  };
  const folder = bytePairFolder(files);
  expect(readTokenizer(folder)).toMatchObject({
    'tokenizer.chat_template': 'c',
    'tokenizer.chat_template.rag': 'd',
  });
  expect(tokenizerOf(folder)).toEqual({ tokenizer: 'BPE', chatTemplate: 'c' });
  const published = publishedTokenizer(ggufTokenizer(folder).metadata).files;
  expect([
    published.get('chat_template.jinja'),
    published.get('additional_chat_templates/rag.jinja'),
  ]).toEqual(['c', 'd']);
});

test('a folder without a tokenizer, or with one of another kind, is refused', () => {
  expect(refusal(() => readTokenizer(tokenizerFolder({})))).toMatch(
    /^it has no tokenizer\. Put tokenizer\.json/,
  );
  const words = { model: { type: 'WordLevel', vocab: {} } };
  expect(refusal(() => readTokenizer(tokenizerFolder({ 'tokenizer.json': words })))).toMatch(
    /of type WordLevel, in a form that llama\.cpp has no vocabulary for/,
  );
  const wrong = { ...publishedBytePair, model: { ...publishedBytePair.model, vocab: { a: 'b' } } };
  expect(refusal(() => readTokenizer(bytePairFolder({ 'tokenizer.json': wrong })))).toMatch(
    /gives "a" the id NaN/,
  );
  expect(refusal(() => readTokenizer(bytePairFolder({ 'tokenizer.json': '{' })))).toMatch(
    /^tokenizer\.json is not JSON/,
  );
});

describe('damaged files', () => {
  const odd = [null, 7, -1, 1.5, 'x', [], {}, [null], [[1]], { type: 'Sequence' }, true, 1e308];

  /** One value of a document replaced or taken out, wherever it stands. */
  function damage(value: unknown, next: (below: number) => number): unknown {
    const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    if (keys.length === 0 || next(4) === 0) return odd[next(odd.length)];
    const key = keys[next(keys.length)]!;
    const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
    if (next(6) === 0) delete copy[key];
    else copy[key] = damage((value as Record<string, unknown>)[key], next);
    return copy;
  }

  const template = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }],
    pair: [{ Sequence: { id: 'A' } }, { Sequence: { id: 'B' } }],
  };
  const short = Object.fromEntries(Object.entries(publishedBytePair.model.vocab).slice(0, 30));
  const documents = [
    {
      ...publishedBytePair,
      model: { ...publishedBytePair.model, vocab: short, merges: [] },
      post_processor: template,
    },
    {
      model: {
        type: 'Unigram',
        unk_id: 0,
        vocab: [
          ['<unk>', 0],
          ['a', -1],
        ],
      },
      pre_tokenizer: { type: 'Metaspace' },
    },
    {
      model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: [['a', 'b']] },
      pre_tokenizer: { type: 'Metaspace' },
    },
  ];
  const config = {
    ...BERT_CONFIG,
    bos_token: { content: '<s>' },
    added_tokens_decoder: { 3: { content: 'q', special: true } },
  };

  test('are readTokenizer, or refused in a sentence', () => {
    const generator = xoroshiro128plus(1);
    const next = (below: number) => uniformInt(generator, 0, below - 1);
    const folder = tokenizerFolder({});
    let refused = 0;
    for (let i = 0; i < 160; i++) {
      const bytes = Uint8Array.from(sentencePieceModel(PIECES));
      for (let j = 0; j <= next(4); j++) bytes[next(bytes.length)] = next(256);
      const pieces = i % 4 === 3;
      writeFileSync(
        join(folder, 'tokenizer.json'),
        JSON.stringify(pieces ? {} : damage(documents[i % 4], next)),
      );
      writeFileSync(join(folder, 'tokenizer.model'), pieces ? bytes : sentencePieceModel(PIECES));
      if (!pieces) rmSync(join(folder, 'tokenizer.model'));
      writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(damage(config, next)));
      writeFileSync(
        join(folder, 'config.json'),
        JSON.stringify(damage({ vocab_size: 40, eos_token_id: [1, 2] }, next)),
      );
      try {
        publishedTokenizer(ggufTokenizer(folder).metadata);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(20);
    expect(refused).toBeLessThan(140);
  });
});

describe('a tokenizer that is written back', () => {
  test('cuts text as the published one', () => {
    const folder = bytePairFolder();
    const { files, roles } = publishedTokenizer(ggufTokenizer(folder).metadata);
    expect([...roles]).toEqual([['bos', 0]]);
    const back = tokenizerFolder(Object.fromEntries(files));
    expect(readTokenizer(back)).toEqual(readTokenizer(folder));
    const [own, published] = [back, folder].map(
      (path) => new Tokenizer(JSON.parse(readFileSync(join(path, 'tokenizer.json'), 'utf8')), {}),
    );
    for (const text of ['the king and the queen', " it's 1999\n\n  b\t", 'naïve 日本語 😀 <s>'])
      expect(own!.encode(text).ids).toEqual(published!.encode(text).ids);
  });

  test('needs rules that the file does not hold', () => {
    const metadata = new Map(ggufTokenizer(bytePairFolder()).metadata);
    metadata.set('tokenizer.ggml.pre', { type: 'string', value: 'viking' });
    expect(refusal(() => publishedTokenizer(metadata))).toMatch(
      /does not hold the rules of its pre-tokenizer, viking\. .*copied/,
    );
    metadata.set('tokenizer.ggml.model', { type: 'string', value: 'rwkv' });
    expect(refusal(() => publishedTokenizer(metadata))).toMatch(/of the kind rwkv/);
    expect(refusal(() => publishedTokenizer(new Map()))).toMatch(/it has no tokenizer/);
  });
});
