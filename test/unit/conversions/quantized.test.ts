import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FolderConfig } from '../../../artifacts/conversions/safetensors-to-gguf/config.js';
import { Shards } from '../../../artifacts/conversions/safetensors-to-gguf/folder.js';
import { asFloats } from '../../../artifacts/conversions/safetensors-to-gguf/quantized.js';
import { bytesOf } from '../../../artifacts/conversions/safetensors-to-gguf/weights.js';
import { encodeFloats } from '../../../core/techniques/float-types.js';
import { openSafetensors } from '../../../formats/safetensors/reader.js';
import { writeSafetensors } from '../../../formats/safetensors/writer.js';
import { temporaryFolder } from '../../support/folder.js';

type Stored = Readonly<Record<string, readonly [dtype: string, shape: readonly number[], bytes: Uint8Array]>>;

let shards: Shards[] = [];
afterEach(async () => {
  for (const one of shards) await one.close();
  shards = [];
});

/** @returns the values of each tensor that there is then, with its shape. */
async function read(stored: Stored, quantization: Record<string, unknown>) {
  const path = join(temporaryFolder(), 'model.safetensors');
  await writeSafetensors(path, {
    metadata: new Map(),
    tensors: Object.entries(stored).map(([name, [dtype, shape, bytes]]) => ({
      name,
      dtype,
      shape,
      data: () => [bytes],
    })),
  });
  const own = new Shards();
  shards.push(own);
  const all = [...openSafetensors(path).tensors.values()];
  const found: Record<string, number[]> = {};
  for (const { name, weights } of asFloats(all, new FolderConfig(quantization), own)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytesOf(weights(), 'f32')) chunks.push(chunk);
    found[`${name} [${weights().shape.join()}]`] = [
      ...new Float32Array(new Uint8Array(Buffer.concat(chunks)).buffer),
    ];
  }
  return found;
}

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const floats = (...values: number[]) => encodeFloats(Float32Array.from(values), 'f32');
/** The first number lowest. */
const nibbles = (...values: number[]) => words(values.reduce((word, value, i) => word + value * 16 ** i, 0));

describe('quantized weights are the floats that they stand for', () => {
  test('GPTQ: inputs downwards, zeros are one more than what is stored, groups by g_idx', async () => {
    const stored: Stored = {
      'a.qweight': ['I32', [1, 8], words(...Array.from({ length: 8 }, (_, output) => 0x76543210 + output))],
      'a.qzeros': [
        'I32',
        [2, 1],
        Buffer.concat([nibbles(0, 0, 0, 0, 0, 0, 0, 0), nibbles(3, 3, 3, 3, 3, 3, 3, 3)]),
      ],
      'a.scales': ['F32', [2, 8], floats(...Array(8).fill(1), ...Array(8).fill(0.5))],
      'a.g_idx': ['I32', [8], words(0, 1, 0, 1, 0, 1, 0, 1)],
      'b.weight': ['F32', [2], floats(1, 2)],
    };
    const found = await read(stored, { quant_method: 'gptq', bits: 4, group_size: 4 });
    const { 'a.weight [8,8]': weight, ...rest } = found;
    // Output 0 holds 0 to 7: less 1 in the even group, less 4 and halved in the odd one.
    expect(weight?.slice(0, 8)).toEqual([-1, -1.5, 1, -0.5, 3, 0.5, 5, 1.5]);
    expect(weight?.slice(8, 9)).toEqual([0]);
    expect(rest).toEqual({ 'b.weight [2]': [1, 2] });
  });

  test('AWQ: outputs across, in its own order', async () => {
    const stored: Stored = {
      // 0 2 4 6 1 3 5 7 is how it packs: each output is its own number.
      'a.qweight': [
        'I32',
        [2, 1],
        Buffer.concat([nibbles(0, 2, 4, 6, 1, 3, 5, 7), nibbles(8, 8, 8, 8, 8, 8, 8, 8)]),
      ],
      'a.qzeros': ['I32', [1, 1], nibbles(1, 1, 1, 1, 1, 1, 1, 1)],
      'a.scales': ['F32', [1, 8], floats(...Array(8).fill(2))],
    };
    const found = await read(stored, { quant_method: 'awq', bits: 4, group_size: 2 });
    const weight = found['a.weight [8,2]']!;
    expect(weight.filter((_, i) => i % 2 === 0)).toEqual([-2, 0, 2, 4, 6, 8, 10, 12]);
    expect(weight.filter((_, i) => i % 2 === 1)).toEqual(Array(8).fill(14));
  });

  test('FP8: E4M3 with a scale for each block, the last ones smaller', async () => {
    const stored: Stored = {
      // 1, 448, 2^-9 and -2 (arXiv 2209.05433, table 1).
      'a.weight': ['F8_E4M3', [2, 3], Uint8Array.of(0x38, 0x7e, 0x01, 0xc0, 0x38, 0x38)],
      'a.weight_scale_inv': ['F32', [1, 2], floats(2, 10)],
    };
    const found = await read(stored, { quant_method: 'fp8', weight_block_size: [128, 2] });
    expect(found).toEqual({ 'a.weight [2,3]': [2, 896, 10 * 2 ** -9, -4, 2, 10] });
  });

  test('compressed-tensors: rows in words, the middle of the range is 0', async () => {
    const stored: Stored = {
      'a.weight_packed': ['I32', [1, 1], nibbles(0, 1, 2, 3, 8, 9, 10, 15)],
      'a.weight_scale': ['F32', [1, 2], floats(1, 0.5)],
      'a.weight_shape': ['I64', [2], words(1, 0, 8, 0)],
    };
    const weights = { num_bits: 4, group_size: 4, strategy: 'group' };
    const found = await read(stored, {
      quant_method: 'compressed-tensors',
      format: 'pack-quantized',
      config_groups: { group_0: { weights } },
    });
    expect(found).toEqual({ 'a.weight [1,8]': [-8, -7, -6, -5, 0, 0.5, 1, 3.5] });
  });

  test.each<[string, Stored, Record<string, unknown>, string]>([
    [
      'a scale that is missing',
      { 'a.qweight': ['I32', [1, 8], words(...Array(8).fill(0))] },
      { quant_method: 'gptq', bits: 4 },
      'no tensor a.qzeros, which its quantized weights need',
    ],
    [
      'bits that no word is cut into',
      { 'a.qweight': ['I32', [3, 8], words(...Array(24).fill(0))] },
      { quant_method: 'gptq', bits: 3 },
      'have 3 bits, and 2, 4 and 8 are read',
    ],
    [
      'scales of other blocks',
      {
        'a.weight': ['F8_E4M3', [2, 2], new Uint8Array(4)],
        'a.weight_scale_inv': ['F32', [2, 2], floats(1, 1, 1, 1)],
      },
      { quant_method: 'fp8', weight_block_size: [2, 2] },
      'a.weight_scale_inv is [2, 2], and should be [1, 1]',
    ],
  ])('%s: one sentence', async (_, stored, quantization, sentence) => {
    await expect(read(stored, quantization)).rejects.toThrow(sentence);
  });
});
