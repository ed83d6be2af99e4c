import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtinFolder, builtinNames } from '../../../artifacts/files/source.js';
import { FailureError } from '../../../core/errors.js';
import { TENSOR_TYPES } from '../../../core/techniques/tensor-types.js';
import { copyGguf, readMetadataValue } from '../../../formats/gguf/copy.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { decodeValue, encodeValue, type GgufValue } from '../../../formats/gguf/value.js';
import { type TensorSource, writeGguf } from '../../../formats/gguf/writer.js';
import { readTensor } from '../../../formats/tensor-data.js';
import { cases } from '../../support/cases.js';
import { temporaryFolder } from '../../support/folder.js';

const tiny = join(builtinFolder(), 'tiny-f16.gguf');

async function bytesOf(path: string, name: string, chunkBytes?: number): Promise<Buffer> {
  const tensor = readGgufHeader(path).tensors.find((t) => t.name === name)!;
  const chunks: Buffer[] = [];
  for await (const chunk of readTensor(tensor, chunkBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const tensor = (name: string, type: string, shape: readonly number[], data: Uint8Array): TensorSource => ({
  name,
  type,
  shape,
  data: () => [data],
});

/** Every element type with what it can hold. */
const elements = {
  u8: fc.nat(0xff),
  i8: fc.integer({ min: -0x80, max: 0x7f }),
  u16: fc.nat(0xffff),
  i16: fc.integer({ min: -0x8000, max: 0x7fff }),
  u32: fc.nat(0xffffffff),
  i32: fc.integer(),
  f32: fc.float({ noNaN: true }),
  bool: fc.boolean(),
  string: fc.string({ unit: 'grapheme' }),
  u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f64: fc.double({ noNaN: true }),
} as const;
const value: fc.Arbitrary<GgufValue> = fc
  .constantFrom(...(Object.keys(elements) as (keyof typeof elements)[]))
  .chain((type): fc.Arbitrary<GgufValue> => {
    const element = elements[type] as fc.Arbitrary<number | bigint | boolean | string>;
    return fc.oneof(
      element.map((one) => ({ type, value: one })),
      fc.array(element).map((values): GgufValue => ({ type: 'array', of: type, values })),
    );
  });
const shapedTensor = fc
  .record({
    type: fc.constantFrom(...TENSOR_TYPES),
    blocks: fc.nat(3),
    rest: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
    fill: fc.nat(255),
  })
  .map(({ type, blocks, rest, fill }) => {
    const bytes = rest.reduce((a, b) => a * b, blocks) * type.blockBytes;
    const data = Uint8Array.from({ length: bytes }, (_, i) => fill + i * 7);
    return { type: type.name, shape: [blocks * type.blockWeights, ...rest], data };
  });

describe('a GGUF file', () => {
  test('that was written is read as what it was: every value type, every tensor type, every alignment', async () => {
    const path = join(temporaryFolder(), 'model.gguf');
    const content = fc.record({
      metadata: fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), value), {
        selector: ([key]) => key,
        maxLength: 6,
      }),
      tensors: fc.array(shapedTensor, { maxLength: 4 }),
      alignment: fc.constantFrom(null, 1, 8, 32, 64, 4096),
    });
    await fc.assert(
      fc.asyncProperty(content, async ({ metadata, tensors, alignment }) => {
        const map = new Map<string, GgufValue>(metadata);
        if (alignment !== null) map.set('general.alignment', { type: 'u32', value: alignment });
        const sources = tensors.map((t, i) => tensor(`t${i}`, t.type, t.shape, t.data));
        const bytes = await writeGguf(path, { metadata: map, tensors: sources });
        const header = readGgufHeader(path);
        expect(header.fileBytes).toBe(bytes);
        expect([...header.metadata.keys()]).toEqual([...map.keys()]);
        for (const [key, written] of map) expect(await readMetadataValue(path, key)).toEqual(written);
        expect(header.tensors.map(({ name, type, shape }) => ({ name, type, shape }))).toEqual(
          sources.map(({ name, type, shape }) => ({ name, type, shape })),
        );
        for (const [i, t] of tensors.entries()) {
          expect(header.tensors[i]!.offset % (alignment ?? 32)).toBe(0);
          expect(Buffer.compare(await bytesOf(path, `t${i}`, 13), t.data)).toBe(0);
        }
      }),
      { numRuns: cases(60) },
    );
  });

  test('is copied byte by byte when nothing is changed: the shipped models', async () => {
    for (const { file } of builtinNames()) {
      const input = join(builtinFolder(), file);
      const output = join(temporaryFolder(), file);
      expect(await copyGguf(input, output)).toBe(readFileSync(input).length);
      expect(readFileSync(output).equals(readFileSync(input)), file).toBe(true);
    }
  });

  test('is copied with a tensor and some keys changed, and the rest as it was', async () => {
    const output = join(temporaryFolder(), 'changed.gguf');
    const [first, second] = readGgufHeader(tiny).tensors;
    const weights = first!.shape.reduce((a, b) => a * b, 1);
    const zeros = {
      type: 'q8_0',
      shape: first!.shape,
      *data() {
        for (let i = 0; i < weights / 32; i++) yield new Uint8Array(34);
      },
    };
    const keys = [...readGgufHeader(tiny).metadata.keys()];
    await copyGguf(tiny, output, {
      tensors: new Map([[first!.name, zeros]]),
      metadata: new Map<string, GgufValue | null>([
        ['general.name', { type: 'string', value: 'changed' }],
        [keys.at(-1)!, null],
        ['ridgepoint.note', { type: 'bool', value: true }],
      ]),
    });
    const header = readGgufHeader(output);
    expect([...header.metadata.keys()]).toEqual([...keys.slice(0, -1), 'ridgepoint.note']);
    expect(header.metadata.get('general.name')).toBe('changed');
    expect(header.tensors[0]).toMatchObject({ name: first!.name, type: 'q8_0', bytes: (weights / 32) * 34 });
    expect((await bytesOf(output, first!.name)).every((byte) => byte === 0)).toBe(true);
    expect((await bytesOf(output, second!.name)).equals(await bytesOf(tiny, second!.name))).toBe(true);
    await expect(copyGguf(tiny, output, { tensors: new Map([['none', zeros]]) })).rejects.toThrow(
      'it has no tensor none',
    );
  });

  test('asks for the next piece of a tensor when the one before is in the file', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'large.gguf');
    const piece = new Uint8Array(2 ** 16);
    const held: number[] = [];
    const large: TensorSource = {
      name: 'large',
      type: 'i8',
      shape: [piece.length, 64],
      *data() {
        for (let i = 0; i < 64; i++) {
          const [draft = ''] = readdirSync(folder);
          held.push(i * piece.length - statSync(join(folder, draft)).size);
          yield piece;
        }
      },
    };
    const bytes = await writeGguf(path, { metadata: new Map(), tensors: [large] });
    // Less than nothing: the header is in the file, too.
    expect(Math.max(...held)).toBeLessThan(0);
    expect(held).toHaveLength(64);
    expect(bytes).toBe(statSync(path).size);
    expect(readGgufHeader(path).tensors[0]?.bytes).toBe(64 * piece.length);
  });
});

describe('writing is refused with a sentence, and leaves nothing behind, when', () => {
  const cases: [string, readonly TensorSource[], RegExp][] = [
    ['a tensor gives too little', [tensor('a', 'f32', [4], new Uint8Array(15))], /gave 15 of the 16 bytes/],
    ['a tensor gives too much', [tensor('a', 'f32', [4], new Uint8Array(17))], /more than the 16 bytes/],
    ['a row is no whole number of blocks', [tensor('a', 'q4_0', [33], new Uint8Array(18))], /blocks of 32/],
    ['a type is unknown', [tensor('a', 'q9', [32], new Uint8Array(0))], /no tensor type "q9"/],
    ['a name is too long', [tensor('a'.repeat(64), 'f32', [0], new Uint8Array(0))], /longer than 63/],
    ['a shape has five dimensions', [tensor('a', 'f32', [1, 1, 1, 1, 1], new Uint8Array(4))], /5 dimensions/],
    [
      'a name is there twice',
      [tensor('a', 'f32', [0], new Uint8Array(0)), tensor('a', 'f32', [0], new Uint8Array(0))],
      /there twice/,
    ],
  ];
  test.each(cases)('%s', async (_, tensors, expected) => {
    const folder = temporaryFolder();
    await expect(writeGguf(join(folder, 'x.gguf'), { metadata: new Map(), tensors })).rejects.toThrow(
      expected,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test('the alignment is odd, or a value is beyond its type', async () => {
    const path = join(temporaryFolder(), 'x.gguf');
    const write = (key: string, value: GgufValue) =>
      writeGguf(path, { metadata: new Map([[key, value]]), tensors: [] });
    await expect(write('general.alignment', { type: 'u32', value: 33 })).rejects.toThrow('power of two');
    await expect(write('k', { type: 'u8', value: 256 })).rejects.toThrow('256 is no u8');
    await expect(write('k', { type: 'u64', value: -1n })).rejects.toThrow('-1 is no u64');
  });

  test('the disk is full: before it begins, and while it writes', async () => {
    const folder = temporaryFolder();
    const code = async (work: Promise<unknown>) => {
      const error = await work.catch((e: unknown) => e);
      expect(error).toBeInstanceOf(FailureError);
      return (error as FailureError).failure.code;
    };
    const huge = tensor('a', 'f32', [2 ** 40, 2 ** 8], new Uint8Array(0));
    const path = join(folder, 'x.gguf');
    expect(await code(writeGguf(path, { metadata: new Map(), tensors: [huge] }))).toBe('disk-full');
    // The device that is always full, where the draft will be.
    symlinkSync('/dev/full', `${path}.${process.pid}.draft`);
    const small = tensor('a', 'f32', [4], new Uint8Array(16));
    expect(await code(writeGguf(path, { metadata: new Map(), tensors: [small] }))).toBe('disk-full');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a file is there already: it stays as it was', async () => {
    const path = join(temporaryFolder(), 'x.gguf');
    writeFileSync(path, 'before');
    const short = tensor('a', 'f32', [4], new Uint8Array(3));
    await expect(writeGguf(path, { metadata: new Map(), tensors: [short] })).rejects.toThrow();
    expect(readFileSync(path, 'utf8')).toBe('before');
  });
});

test('a value that is cut off or too long is refused', () => {
  const whole = encodeValue({ type: 'array', of: 'string', values: ['ab', 'c'] });
  for (let length = 0; length < whole.length; length++) {
    expect(() => decodeValue(whole.subarray(0, length))).toThrow('cut off');
  }
  expect(() => decodeValue(Buffer.concat([whole, Buffer.alloc(1)]))).toThrow('1 bytes follow');
});
