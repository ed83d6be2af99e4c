import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { copyGguf } from '../../../formats/gguf/copy.js';
import { modelFacts, weightBytes } from '../../../formats/gguf/facts.js';
import { gguf } from '../../../formats/gguf/format.js';
import { parseGgufHeader, readGgufHeader } from '../../../formats/gguf/header.js';
import { GgufError } from '../../../formats/gguf/reader.js';
import { temporaryFolder } from '../../support/folder.js';
import { forAll } from '../../support/for-all.js';
import { GgufBuilder } from '../../support/gguf-builder.js';
import { sectionsOf } from '../../support/gguf-patch.js';

const tiny = join(builtinFolder(), 'tiny-f16.gguf');

function write(content: Uint8Array): string {
  const path = join(temporaryFolder(), 'model.gguf');
  writeFileSync(path, content);
  return path;
}

/** A minimal model that is accepted; every refusal below is one change away from it. */
function model(): GgufBuilder {
  return new GgufBuilder()
    .string('general.architecture', 'llama')
    .u32('llama.block_count', 2)
    .u32('llama.context_length', 64)
    .u32('llama.embedding_length', 64)
    .u32('llama.attention.head_count', 4)
    .u32('llama.attention.head_count_kv', 2)
    .strings('tokenizer.ggml.tokens', ['a', 'b', 'c'])
    .tensor('token_embd.weight', 0, [64, 3]);
}

const facts = (builder: GgufBuilder) => modelFacts(readGgufHeader(write(builder.build())));

test('the header of the shipped models gives the facts they were made with', () => {
  const header = readGgufHeader(tiny);
  expect(modelFacts(header)).toEqual({
    format: 'gguf',
    architecture: 'llama',
    parameters: 1_115_264,
    bytes: 2_327_520,
    quantization: 'f16',
    layers: 4,
    contextLength: 512,
    // One KV head of 64 elements in each of 4 layers.
    keyElementsPerToken: 256,
    heads: { query: 2, keyValue: 1 },
    valueElementsPerToken: 256,
    vocabularySize: 4096,
    embeddingLength: 128,
    experts: 0,
  });
  expect(header.tensors).toHaveLength(38);
  expect(weightBytes(header)).toBe(2_232_832);
});

describe('facts', () => {
  test('count what the header says', () => {
    expect(facts(model())).toMatchObject({
      layers: 2,
      parameters: 192,
      keyElementsPerToken: 2 * 2 * 16,
      vocabularySize: 3,
      quantization: 'f32',
    });
  });

  test('take head counts per layer, key lengths of their own, and a file type', () => {
    const own = new GgufBuilder()
      .string('general.architecture', 'x')
      .u32('general.file_type', 15)
      .u32('x.block_count', 3)
      .u32('x.context_length', 64)
      .u32('x.embedding_length', 64)
      .u32('x.attention.head_count', 4)
      .u32s('x.attention.head_count_kv', [0, 2, 1])
      .u32('x.attention.key_length', 192)
      .u32('x.attention.value_length', 128)
      .tensor('token_embd.weight', 0, [64, 5]);
    expect(facts(own)).toMatchObject({
      quantization: 'q4_k_m',
      keyElementsPerToken: 3 * 192,
      valueElementsPerToken: 3 * 128,
      vocabularySize: 5,
    });
  });
});

describe('a file is refused with a sentence when', () => {
  const cases: [string, () => GgufBuilder, RegExp][] = [
    ['it is of an old version', () => model().version(1), /version 1/],
    ['it is big-endian', () => model().version(0x03000000), /big-endian/],
    ['it claims too many tensors', () => model().tensorCount(2 ** 40), /claims 1099511627776 tensors/],
    ['it claims too many keys', () => model().keyCount(2 ** 52), /claims 4503599627370496 metadata keys/],
    ['a count is beyond every file', () => model().keyCount(2 ** 60), /no file can hold/],
    ['a key is there twice', () => model().u32('llama.block_count', 2), /there twice/],
    ['a tensor is there twice', () => model().tensor('token_embd.weight', 0, [64, 3]), /there twice/],
    ['a type is unknown', () => model().tensor('x', 99, [32]), /type 99/],
    ['a row is no whole number of blocks', () => model().tensor('x', 8, [33]), /blocks of 32/],
    [
      'a shape overflows',
      () => model().tensor('x', 0, [2 ** 30, 2 ** 30, 2 ** 30], 4),
      /more weights than any file/,
    ],
    ['a tensor has five dimensions', () => model().tensor('x', 0, [1, 1, 1, 1, 1]), /5 dimensions/],
    [
      'tensors overlap',
      () => model().tensor('x', 0, [32], undefined, 0),
      /begins at 0 of the data, not at 768/,
    ],
    [
      'the weights are cut off',
      () => model().tensor('x', 0, [32, 1024], 64),
      /cut off: \d+ of \d+ bytes are missing/,
    ],
    ['the alignment is 0', () => model().u32('general.alignment', 0), /power of two/],
    ['the alignment is a word', () => model().string('general.alignment', '32'), /power of two/],
    ['the alignment is endless', () => model().u32('general.alignment', 2 ** 31), /power of two/],
    ['a list holds lists', () => model().list('x', 9, 1), /elements of the unknown type 9/],
    ['a list is endless', () => model().list('x', 0, 2 ** 40), /claims 1099511627776 elements/],
    ['a list is longer than the file', () => model().list('x', 12, 2 ** 20), /ends inside x/],
    [
      'words of a list are longer than the file',
      () => model().list('x', 8, 3, 2 ** 31),
      /ends inside an entry of x/,
    ],
    ['a word of a list is endless', () => model().list('x', 8, 3, 2 ** 60), /no file can hold/],
    [
      'a tensor lies behind the end',
      () => model().tensor('x', 0, [32], undefined, 2 ** 50),
      /begins at \d+ of the data, not at 768/,
    ],
    [
      'its size is 0 in a way that hides its shape',
      () => model().tensor('x', 0, [2 ** 52, 2 ** 52, 0]),
      /more weights than any file/,
    ],
    ['the alignment is odd', () => model().u32('general.alignment', 33), /power of two/],
    ['it has no weights', () => new GgufBuilder().string('general.architecture', 'llama'), /no weights/],
    ['it has no architecture', () => new GgufBuilder().tensor('x', 0, [32]), /architecture/],
    ['it is an adapter', () => model().string('general.type', 'adapter'), /holds an adapter/],
    ['it is one part of several', () => model().u32('split.count', 3), /one of 3 parts/],
    [
      'it claims a million layers',
      () => model().replaceU32('llama.block_count', 1_000_000),
      /1000000 layers/,
    ],
  ];
  test.each(cases)('%s', (_, build, expected) => {
    expect(() => facts(build())).toThrow(expected);
    expect(() => facts(build())).toThrow(GgufError);
  });

  test('it is no GGUF file, or none at all', () => {
    expect(() => readGgufHeader(write(Buffer.from('PK\x03\x04'.repeat(20))))).toThrow(
      'does not begin with GGUF',
    );
    expect(() => readGgufHeader(write(Buffer.alloc(0)))).toThrow('too short');
  });
});

/**
 * What a header of these bytes asks for while it is read: bytes of the file, memory for them, and texts that
 * are made of them.
 */
function asked(front: Buffer, fileBytes: number) {
  const copy = vi.spyOn(front, 'copy');
  const decode = vi.spyOn(TextDecoder.prototype, 'decode');
  const alloc = vi.spyOn(Buffer, 'alloc');
  try {
    let error: unknown = null;
    try {
      modelFacts(parseGgufHeader(front, fileBytes));
    } catch (thrown) {
      error = thrown;
    }
    return {
      error,
      bytes: copy.mock.results.reduce((sum, { value }) => sum + Number(value), 0),
      reads: copy.mock.calls.length,
      texts: decode.mock.calls.length,
      memoryBytes: alloc.mock.calls.reduce((sum, [size]) => sum + size, 0),
    };
  } finally {
    vi.restoreAllMocks();
  }
}

/** One window of the file, whatever is in it. */
const WINDOW_BYTES = 256 * 1024;

/**
 * What must hold for any bytes: an answer or a sentence, for no more work and memory than the file is worth.
 */
function survives(path: string, content: Buffer, fileBytes = content.length): void {
  writeFileSync(path, content);
  // Sparse: the weights are zeros that take no room, so that only the header can be what is wrong.
  truncateSync(path, fileBytes);
  try {
    const read = modelFacts(readGgufHeader(path));
    for (const value of Object.values(read)) {
      if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
    }
  } catch (error) {
    expect(error).toBeInstanceOf(GgufError);
    expect((error as Error).message.length).toBeLessThan(400);
    expect((error as Error).message).toMatch(/^[\x20-\x7e]+$/);
  }
  const { bytes, reads, texts, memoryBytes } = asked(content, fileBytes);
  // Each window begins where the one before was of no use any more.
  expect(bytes).toBeLessThanOrEqual(2 * content.length);
  expect(reads).toBeLessThanOrEqual(2 * Math.ceil(fileBytes / WINDOW_BYTES) + 2);
  // A text has its length before it.
  expect(texts).toBeLessThanOrEqual(content.length / 8);
  expect(memoryBytes).toBe(WINDOW_BYTES);
}

describe('mutations of the shipped model', () => {
  const original = readFileSync(tiny);
  // Header and the first weights: that is all a header reader ever sees, and writing it is quick.
  const headerBytes = readGgufHeader(tiny).tensors[0]!.offset;
  const head = original.subarray(0, headerBytes + 4096);

  test('never do more than be refused: bytes changed anywhere', { timeout: 120_000 }, () => {
    const path = join(temporaryFolder(), 'mutated.gguf');
    const change = fc.record({ at: fc.nat(headerBytes - 1), value: fc.nat(255) });
    forAll(1500, [fc.array(change, { minLength: 1, maxLength: 8 })], (changes) => {
      const content = Buffer.from(head);
      for (const { at, value } of changes) content[at] = value;
      survives(path, content, original.length);
    });
  });

  test('never do more than be refused: every length and count made extreme', { timeout: 120_000 }, () => {
    const path = join(temporaryFolder(), 'mutated.gguf');
    const extremes = [0n, 1n, 0xffn, 0x7fffffffn, 0xffffffffn, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n];
    // The keys before the vocabulary, then the table of tensors after it.
    const places = fc.oneof(
      fc.nat(1200),
      fc.nat(3000).map((back) => headerBytes - 8 - back),
    );
    forAll(1500, [places, fc.constantFrom(...extremes)], (at, value) => {
      const content = Buffer.from(head);
      content.writeBigUInt64LE(value, at);
      survives(path, content, original.length);
    });
  });

  test('never do more than be refused: cut off anywhere', { timeout: 120_000 }, () => {
    const path = join(temporaryFolder(), 'mutated.gguf');
    forAll(500, [fc.nat(head.length - 1)], (length) => survives(path, Buffer.from(head.subarray(0, length))));
  });

  test('never do more than be refused: any bytes behind the magic number', () => {
    const path = join(temporaryFolder(), 'mutated.gguf');
    forAll(500, [fc.uint8Array({ maxLength: 600 })], (rest) => {
      survives(path, Buffer.concat([Buffer.from('GGUF\x03\0\0\0'), rest]));
    });
  });
});

describe('a header made to take long', () => {
  test('of millions of empty words is read window by window, and nothing is made of them', () => {
    const words = 2 ** 23;
    const header = new GgufBuilder().string('general.architecture', 'llama').list('x', 8, words).build();
    // All that follows is zeros, and a length of zero is a word.
    const { error, bytes, texts, memoryBytes } = asked(Buffer.concat([header], 100e6), 100e6);
    expect(error).toBeInstanceOf(GgufError);
    expect(bytes).toBeGreaterThan(8 * words);
    expect(bytes).toBeLessThanOrEqual(100e6);
    expect(texts).toBeLessThan(50);
    expect(memoryBytes).toBe(WINDOW_BYTES);
  });

  test('with a name that is no UTF-8 is shown without steering the terminal', () => {
    const bytes = model().string('evil.\u001b[2Jkey', 'x').string('evil.\u001b[2Jkey', 'x').build();
    expect(() => readGgufHeader(write(bytes))).toThrow('the metadata key evil.?[2Jkey is there twice');
    const broken = Buffer.from(bytes);
    broken.fill(0xff, broken.indexOf('evil'), broken.indexOf('evil') + 4);
    expect(() => readGgufHeader(write(broken))).not.toThrow();
  });
});

describe('a header of which a front has come', () => {
  const inspect = (front: Buffer, fileBytes: number) =>
    gguf.peek!.inspect([{ path: 'm.gguf', front, fileBytes }]);
  const whole = readFileSync(tiny);

  test('goes on behind the front, wherever that ends', () => {
    const { data } = sectionsOf(whole);
    for (let bytes = 4; bytes < data - 64; bytes += 997)
      expect(inspect(whole.subarray(0, bytes), whole.length)).toEqual({ goesOn: 0 });
    expect(inspect(whole.subarray(0, data), whole.length)).toMatchObject({ facts: { layers: 4 } });
  });

  test('may have arrays that are longer than the front', async () => {
    const path = join(temporaryFolder(), 'long.gguf');
    const values = Array.from({ length: 400_000 }, (_, i) => i);
    await copyGguf(tiny, path, { metadata: new Map([['x.long', { type: 'array', of: 'u32', values }]]) });
    const bytes = readFileSync(path);
    expect(inspect(bytes.subarray(0, 2 ** 20), bytes.length)).toEqual({ goesOn: 0 });
    expect(inspect(bytes.subarray(0, 2 ** 21), bytes.length)).toMatchObject({ facts: { layers: 4 } });
  });
});

describe('what a header does not account for', () => {
  test('a file many times as long as its tensors is refused', () => {
    const path = write(readFileSync(tiny));
    truncateSync(path, 2 ** 30);
    expect(() => readGgufHeader(path)).toThrow(
      /its header describes 2327520 bytes, and the file has 1073741824/,
    );
  });

  test('a key that its architecture needs is named with the architecture', () => {
    const odd = new GgufBuilder().string('general.architecture', 'mumbl').tensor('a.weight', 0, [64, 3]);
    expect(() => facts(odd)).toThrow(/architecture is mumbl, and it does not say its mumbl\.block_count/);
  });
});
