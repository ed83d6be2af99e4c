import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DTYPE_BITS } from '../../../formats/safetensors/header.js';
import { SafetensorsError } from '../../../formats/safetensors/json.js';
import {
  type LocatedTensor,
  openSafetensors,
  readSafetensorsHeader,
} from '../../../formats/safetensors/reader.js';
import { type SafetensorSource, writeSafetensors } from '../../../formats/safetensors/writer.js';
import { readTensor } from '../../../formats/tensor-data.js';
import { cases } from '../../support/cases.js';
import { temporaryFolder } from '../../support/folder.js';
import { forAll } from '../../support/for-all.js';

/** A file byte by byte: the length, the JSON, the data. */
function raw(header: unknown, dataBytes: number, claimed?: bigint): string {
  const json = Buffer.isBuffer(header)
    ? header
    : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  const path = join(temporaryFolder(), 'model.safetensors');
  writeFileSync(path, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
  return path;
}

/**
 * Whether this Node reads the name `"` as `\` once an object had `\` at that place, as 24 and 26 do
 * (github.com/nodejs/node/issues/63785). No reader built on `JSON.parse` gets such names right there.
 */
const CONFUSES_ESCAPED_NAMES = (() => {
  JSON.parse('{"h":[],"\\\\":0}');
  return !Object.hasOwn(JSON.parse('{"h":1,"\\"":2}'), '"');
})();
const isMisread = (name: string) =>
  CONFUSES_ESCAPED_NAMES && name.length === 1 && JSON.stringify(name).startsWith('"\\');

const tensor = (dtype: unknown, shape: unknown, data_offsets: unknown) => ({ dtype, shape, data_offsets });
const source = (
  name: string,
  dtype: string,
  shape: readonly number[],
  data: Uint8Array,
): SafetensorSource => ({
  name,
  dtype,
  shape,
  data: () => [data],
});

async function bytesOf(located: LocatedTensor, chunkBytes?: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readTensor(located, chunkBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a safetensors file', () => {
  test('is read as the format says', () => {
    // In another order than its bytes, with an empty tensor, a scalar, metadata, and spaces behind the JSON.
    const fields = {
      b: tensor('BF16', [2, 3], [4, 16]),
      __metadata__: { format: 'pt' },
      a: tensor('F32', [], [0, 4]),
      none: tensor('I64', [0, 7], [4, 4]),
    };
    const json = `${JSON.stringify(fields)}   `;
    const header = readSafetensorsHeader(raw(json, 16));
    expect([...header.metadata]).toEqual([['format', 'pt']]);
    const start = 8 + json.length;
    expect(header.tensors).toEqual([
      { name: 'a', dtype: 'F32', shape: [], bytes: 4, offset: start },
      { name: 'none', dtype: 'I64', shape: [0, 7], bytes: 0, offset: start + 4 },
      { name: 'b', dtype: 'BF16', shape: [2, 3], bytes: 12, offset: start + 4 },
    ]);
  });

  test('that was written is read as what it was', async () => {
    const path = join(temporaryFolder(), 'model.safetensors');
    const one = fc
      .record({
        dtype: fc.constantFrom(...DTYPE_BITS.keys()),
        shape: fc.array(fc.nat(4), { maxLength: 4 }),
        fill: fc.nat(255),
      })
      .filter(({ dtype, shape }) => (DTYPE_BITS.get(dtype)! * shape.reduce((a, b) => a * b, 1)) % 8 === 0)
      .map(({ dtype, shape, fill }) => {
        const bytes = (DTYPE_BITS.get(dtype)! * shape.reduce((a, b) => a * b, 1)) / 8;
        return { dtype, shape, data: Uint8Array.from({ length: bytes }, (_, i) => fill + i * 7) };
      });
    const names = fc
      .oneof(fc.string(), fc.constantFrom('__proto__', '1', '0', 'constructor', '"', '\\'))
      .filter((name) => !isMisread(name));
    const content = fc.record({
      metadata: fc.array(fc.tuple(names, fc.string()), { maxLength: 3 }),
      tensors: fc.uniqueArray(fc.tuple(names, one), { selector: ([name]) => name, maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(content, async ({ metadata, tensors }) => {
        const sources = tensors.map(([name, t]) => source(name, t.dtype, t.shape, t.data));
        const map = new Map(metadata);
        expect(await writeSafetensors(path, { metadata: map, tensors: sources })).toBe(
          readFileSync(path).length,
        );
        const model = openSafetensors(path);
        expect(new Map(model.metadata)).toEqual(map);
        expect(model.tensors.size).toBe(tensors.length);
        for (const [name, t] of tensors) {
          const located = model.tensors.get(name)!;
          expect(located).toMatchObject({ dtype: t.dtype, shape: t.shape });
          expect(Buffer.compare(await bytesOf(located, 5), t.data)).toBe(0);
        }
      }),
      { numRuns: cases(100) },
    );
  });

  test('begins its data at a multiple of eight', async () => {
    const path = join(temporaryFolder(), 'model.safetensors');
    await writeSafetensors(path, {
      metadata: new Map(),
      tensors: [source('w', 'F64', [1], new Uint8Array(8))],
    });
    expect(readSafetensorsHeader(path).tensors[0]!.offset % 8).toBe(0);
  });
});

describe('a file is refused with a sentence when', () => {
  const a = tensor('F32', [1], [0, 4]);
  const cases: [string, () => string, RegExp][] = [
    ['it is empty', () => raw('', 0), /too short/],
    ['its header is said to be endless', () => raw({}, 0, 2n ** 63n), /header of 9223372036854775808 bytes/],
    ['its header is said to be longer than the file', () => raw({}, 0, 100n), /and the file has 10/],
    ['its header is no JSON', () => raw('{"a":', 4), /no JSON/],
    ['its header is no UTF-8', () => raw(Buffer.from('7b22ff223a317d', 'hex'), 4), /no JSON in UTF-8/],
    ['a text has no end', () => raw('{"a', 4), /no JSON/],
    [
      'a tensor is there twice',
      () => raw(`{"a":${JSON.stringify(a)},"a":${JSON.stringify(a)}}`, 4),
      /name a twice/,
    ],
    [
      'a tensor is there twice, spelled in another way',
      () => raw('{"a":{},"\\u0061":{}}', 4),
      /name a twice/,
    ],
    [
      'a tensor has two types',
      () => raw('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"dtype":"I32"}}', 4),
      /name dtype twice/,
    ],
    [
      'it has more tensors than any model',
      () => raw(`{${Array.from({ length: 70_000 }, (_, i) => `"${i}":0`)}}`, 4),
      /more than 65536 tensors/,
    ],
    ['its header is a list', () => raw('[1, 2]', 4), /the header is no object/],
    ['its header is nested', () => raw('['.repeat(100_000), 4), /nested deeper/],
    ['a tensor is no object', () => raw({ a: 4 }, 4), /the tensor a is no object/],
    ['a tensor has no type', () => raw({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /its dtype/],
    ['a type is unknown', () => raw({ a: tensor('F31', [1], [0, 4]) }, 4), /unknown dtype F31/],
    ['a shape is negative', () => raw({ a: tensor('F32', [-1], [0, 4]) }, 4), /no list of whole numbers/],
    ['a shape is broken', () => raw({ a: tensor('F32', [1.5], [0, 6]) }, 6), /no list of whole numbers/],
    ['a shape is a word', () => raw({ a: tensor('F32', 'x', [0, 4]) }, 4), /no list/],
    [
      'a shape overflows',
      () => raw({ a: tensor('F32', [2 ** 40, 2 ** 40], [0, 4]) }, 4),
      /more bytes than any file/,
    ],
    ['a shape has nine dimensions', () => raw({ a: tensor('F32', Array(9).fill(1), [0, 4]) }, 4), /9 dim/],
    [
      'a size contradicts the shape',
      () => raw({ a: tensor('F32', [2], [0, 4]) }, 4),
      /has 4 bytes.* needs 8/,
    ],
    [
      'bits are no bytes',
      () => raw({ a: tensor('F4', [3], [0, 1]) }, 1),
      /12 bits, which are no whole bytes/,
    ],
    ['offsets run backwards', () => raw({ a: tensor('F32', [1], [4, 0]) }, 4), /beginning and an end/],
    ['there are three offsets', () => raw({ a: tensor('F32', [1], [0, 4, 8]) }, 4), /beginning and an end/],
    ['tensors overlap', () => raw({ a, b: tensor('F32', [1], [2, 6]) }, 6), /b overlaps .* at 2 .* not at 4/],
    ['two tensors are one', () => raw({ a, b: a }, 4), /overlaps/],
    ['tensors leave a gap', () => raw({ a, b: tensor('F32', [1], [5, 9]) }, 9), /leaves a gap/],
    ['the data begins with a gap', () => raw({ a: tensor('F32', [1], [1, 5]) }, 5), /leaves a gap/],
    ['the data is cut off', () => raw({ a }, 3), /1 of \d+ bytes are missing/],
    ['bytes follow the data', () => raw({ a }, 5), /1 bytes behind the last tensor/],
    ['metadata is no text', () => raw({ __metadata__: { a: 1 } }, 0), /__metadata__\.a is no text/],
  ];
  test.each(cases)('%s', (_, make, expected) => {
    const path = make();
    expect(() => readSafetensorsHeader(path)).toThrow(expected);
    expect(() => readSafetensorsHeader(path)).toThrow(SafetensorsError);
  });
});

describe('a model in parts', () => {
  async function parts() {
    const folder = temporaryFolder();
    const write = (file: string, name: string, fill: number) =>
      writeSafetensors(join(folder, file), {
        metadata: new Map([['format', 'pt']]),
        tensors: [source(name, 'U8', [4], new Uint8Array(4).fill(fill))],
      });
    await write('model-00001-of-00002.safetensors', 'a', 1);
    await write('model-00002-of-00002.safetensors', 'b', 2);
    const index = join(folder, 'model.safetensors.index.json');
    const say = (weight_map: unknown) => {
      writeFileSync(index, JSON.stringify({ metadata: { total_size: 8 }, weight_map }));
      return index;
    };
    return { folder, say };
  }

  test('is opened through its index', async () => {
    const { say } = await parts();
    const model = openSafetensors(
      say({ a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' }),
    );
    expect([
      ...(await bytesOf(model.tensors.get('a')!)),
      ...(await bytesOf(model.tensors.get('b')!)),
    ]).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    expect(model.metadata.get('format')).toBe('pt');
  });

  test.each([
    [{ a: '../secret.safetensors' }, /no part of it/],
    [{ a: '/etc/passwd' }, /no part of it/],
    [{ a: 'sub/model.safetensors' }, /no part of it/],
    [{ a: 4 }, /no part of it/],
    [{ c: 'model-00001-of-00002.safetensors' }, /has no tensor c/],
    ['x', /weight_map of the index is no object/],
  ])('is refused when its index says %j', async (map, expected) => {
    const { say } = await parts();
    const index = say(map);
    expect(() => openSafetensors(index)).toThrow(expected);
    expect(() => openSafetensors(index)).toThrow(SafetensorsError);
  });
});

describe('writing is refused, and leaves nothing behind, when', () => {
  const four = new Uint8Array(4);
  test.each<[string, readonly SafetensorSource[], RegExp]>([
    ['a name is there twice', [source('a', 'F32', [1], four), source('a', 'F32', [1], four)], /there twice/],
    ['a name is taken', [source('__metadata__', 'F32', [1], four)], /there twice/],
    ['a tensor gives too little', [source('a', 'F32', [2], four)], /gave 4 of the 8 bytes/],
    ['a tensor gives too much', [source('a', 'F16', [1], four)], /more than the 2 bytes/],
    ['a type is unknown', [source('a', 'Q4_0', [1], four)], /unknown dtype Q4_0/],
  ])('%s', async (_, tensors, expected) => {
    const folder = temporaryFolder();
    const written = writeSafetensors(join(folder, 'x.safetensors'), { metadata: new Map(), tensors });
    await expect(written).rejects.toThrow(expected);
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** What must hold for any bytes: an answer or a sentence. */
function survives(path: string, content: Uint8Array, fileBytes = content.length): void {
  writeFileSync(path, content);
  truncateSync(path, fileBytes);
  try {
    for (const { bytes, offset } of readSafetensorsHeader(path).tensors) {
      expect(offset + bytes).toBeLessThanOrEqual(fileBytes);
    }
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    expect((error as Error).message.length).toBeLessThan(400);
    expect((error as Error).message).toMatch(/^[\x20-\x7e]+$/);
  }
}

describe('mutations never do more than be refused', () => {
  const json = Buffer.from(
    JSON.stringify({
      __metadata__: { format: 'pt' },
      'model.embed_tokens.weight': tensor('BF16', [16, 8], [0, 256]),
      'model.norm.weight': tensor('F32', [8], [256, 288]),
    }),
  );
  const head = Buffer.concat([Buffer.alloc(8), json]);
  head.writeBigUInt64LE(BigInt(json.length));
  const fileBytes = head.length + 288;

  test('bytes changed anywhere', () => {
    const path = join(temporaryFolder(), 'mutated.safetensors');
    const digits = fc.constantFrom(...Buffer.from('0123456789-.eE"\\[]{},:'));
    const change = fc.record({ at: fc.nat(head.length - 1), value: fc.oneof(fc.nat(255), digits) });
    forAll(1000, [fc.array(change, { minLength: 1, maxLength: 6 })], (changes) => {
      const content = Buffer.from(head);
      for (const { at, value } of changes) content[at] = value;
      survives(path, content, fileBytes);
    });
  });

  test('any JSON at all', () => {
    const path = join(temporaryFolder(), 'mutated.safetensors');
    forAll(500, [fc.json()], (text) => {
      const content = Buffer.concat([Buffer.alloc(8), Buffer.from(text)]);
      content.writeBigUInt64LE(BigInt(content.length - 8));
      survives(path, content, content.length + 16);
    });
  });

  test('cut off anywhere', () => {
    const path = join(temporaryFolder(), 'mutated.safetensors');
    for (let length = 0; length < head.length; length++) survives(path, head.subarray(0, length));
  });
});
