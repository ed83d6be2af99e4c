import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { planWalk } from '../../../artifacts/calibration/blocks.js';
import { replaceInSlice, writeSlice } from '../../../artifacts/calibration/slice.js';
import { FailureError } from '../../../core/errors.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import type { GgufValue } from '../../../formats/gguf/value.js';
import { type TensorSource, writeGguf } from '../../../formats/gguf/writer.js';
import { sharedFolder } from '../../support/folder.js';

const folder = sharedFolder();

const u32 = (value: number): GgufValue => ({ type: 'u32', value });
const tensor = (name: string, shape: number[], fill: number, type = 'f32'): TensorSource => ({
  name,
  type,
  shape,
  data: () => {
    const count = shape.reduce((a, b) => a * b, 1);
    return [
      type === 'f32' ? new Uint8Array(new Float32Array(count).fill(fill).buffer) : new Uint8Array(2 * count),
    ];
  },
});

async function model(name: string, extra: readonly TensorSource[] = [], type = 'f32'): Promise<string> {
  const path = join(folder, name);
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['llama.block_count', u32(2)],
    ['llama.context_length', u32(64)],
    ['llama.embedding_length', u32(4)],
    ['llama.attention.head_count', { type: 'array', of: 'u32', values: [2, 1] }],
    ['llama.feed_forward_length', u32(8)],
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', values: ['a', 'b', 'c'] }],
  ]);
  const blocks = [0, 1].flatMap((block) => [
    tensor(`blk.${block}.attn_norm.weight`, [4], block),
    tensor(`blk.${block}.ffn_up.weight`, [4, 8], 10 + block, type),
  ]);
  const others = [
    tensor('token_embd.weight', [4, 3], 7),
    tensor('output_norm.weight', [4], 5),
    tensor('rope_freqs.weight', [1], 6),
    tensor('output.weight', [4, 3], 8),
  ];
  await writeGguf(path, { metadata, tensors: [...others, ...blocks, ...extra] });
  return path;
}

test('a slice is its block, what all blocks share, and no vocabulary', async () => {
  const modelPath = await model('a.gguf');
  const header = readGgufHeader(modelPath);
  const path = join(folder, 'slice.gguf');
  await writeSlice(path, { modelPath, header, architecture: 'llama', block: 1, width: 4 });
  const slice = readGgufHeader(path);
  expect(Object.fromEntries(slice.metadata)).toEqual({
    'general.architecture': 'llama',
    'llama.block_count': 1,
    'llama.context_length': 64,
    'llama.embedding_length': 4,
    // Of block 1.
    'llama.attention.head_count': 1,
    'llama.feed_forward_length': 8,
    'llama.vocab_size': 32,
    'tokenizer.ggml.model': 'no_vocab',
  });
  const bytes = readFileSync(path);
  const first = Object.fromEntries(
    slice.tensors.map(({ name, offset }) => [name, bytes.readFloatLE(offset)]),
  );
  expect(first).toEqual({
    'token_embd.weight': 0,
    'output.weight': 0,
    'output_norm.weight': 5,
    'rope_freqs.weight': 6,
    'blk.0.attn_norm.weight': 1,
    'blk.0.ffn_up.weight': 11,
  });

  replaceInSlice(path, 'blk.0.ffn_up.weight', new Float32Array(32).fill(3));
  const changed = readFileSync(path);
  const up = slice.tensors.find(({ name }) => name === 'blk.0.ffn_up.weight')!;
  expect(changed.readFloatLE(up.offset + up.bytes - 4)).toBe(3);
  expect(changed.subarray(0, up.offset)).toEqual(bytes.subarray(0, up.offset));
  expect(() => replaceInSlice(path, 'blk.0.ffn_up.weight', new Float32Array(31))).toThrow('31 weights');
});

test('experts are matrices of their own, and replaced one by one', async () => {
  const stacked = { ...tensor('blk.1.ffn_down_exps.weight', [8, 4, 3], 1), type: 'f16' };
  const modelPath = await model('b.gguf', [{ ...stacked, data: () => [new Uint8Array(2 * 96)] }]);
  const header = readGgufHeader(modelPath);
  const { linears } = planWalk(header, (name) => name.includes('_exps.'));
  expect(linears.map(({ name, block, columns, rows }) => [name, block, columns, rows])).toEqual(
    [0, 1, 2].map((expert) => [`blk.1.ffn_down_exps.${expert}.weight`, 1, 8, 4]),
  );
  const { offset } = header.tensors.find(({ name }) => name === stacked.name)!;
  expect(linears.map(({ tensor: own }) => [own.offset - offset, own.bytes])).toEqual([
    [0, 64],
    [64, 64],
    [128, 64],
  ]);
  const path = join(folder, 'slice-experts.gguf');
  await writeSlice(path, { modelPath, header, architecture: 'llama', block: 1, width: 4 });
  replaceInSlice(path, 'blk.0.ffn_down_exps.1.weight', new Float32Array(32).fill(1));
  const own = readGgufHeader(path).tensors.find(({ name }) => name === 'blk.0.ffn_down_exps.weight')!;
  const halves = Array.from({ length: 96 }, (_, i) => readFileSync(path).readUInt16LE(own.offset + 2 * i));
  expect(halves).toEqual([...Array(32).fill(0), ...Array(32).fill(0x3c00), ...Array(32).fill(0)]);
});

test('a slice of a model whose first blocks are dense says which kind its block is', async () => {
  const modelPath = join(folder, 'deepseek.gguf');
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: 'deepseek2' }],
    ['deepseek2.block_count', u32(3)],
    ['deepseek2.context_length', u32(64)],
    ['deepseek2.embedding_length', u32(4)],
    ['deepseek2.leading_dense_block_count', u32(1)],
    ['deepseek2.nextn_predict_layers', u32(1)],
    ['deepseek2.attention.kv_lora_rank', u32(2)],
  ]);
  const blocks = [0, 1, 2].map((block) => tensor(`blk.${block}.attn_kv_a_mqa.weight`, [4, 8], 0));
  await writeGguf(modelPath, { metadata, tensors: [tensor('token_embd.weight', [4, 3], 7), ...blocks] });
  const header = readGgufHeader(modelPath);
  const path = join(folder, 'slice-deepseek.gguf');
  const said = async (block: number) => {
    await writeSlice(path, { modelPath, header, architecture: 'deepseek2', block, width: 4 });
    const { metadata: of } = readGgufHeader(path);
    return ['leading_dense_block_count', 'nextn_predict_layers', 'attention.q_lora_rank'].map((key) =>
      of.get(`deepseek2.${key}`),
    );
  };
  expect(await said(0)).toEqual([1, 0, 0]);
  expect(await said(1)).toEqual([0, 0, 0]);
  // The last block is behind the model's output.
  expect(planWalk(header, (name) => !name.startsWith('blk.2.')).linears).toHaveLength(2);
  expect(() => planWalk(header, () => true)).toThrow(
    'blk.2.attn_kv_a_mqa.weight is of a block that predicts further tokens, and a text does not run it',
  );
});

test('what cannot be walked says why', async () => {
  const why = (path: string, wanted = () => true) => {
    try {
      planWalk(readGgufHeader(path), wanted);
      return null;
    } catch (error) {
      expect(error).toBeInstanceOf(FailureError);
      return (error as FailureError).failure.message;
    }
  };
  expect(why(await model('c.gguf'))).toBeNull();
  const quantized = join(folder, 'd.gguf');
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['llama.block_count', u32(1)],
    ['llama.context_length', u32(64)],
    ['llama.embedding_length', u32(32)],
  ]);
  const q8 = { type: 'q8_0', data: () => [new Uint8Array(34)] };
  const tensors = [
    tensor('token_embd.weight', [32, 1], 0),
    { name: 'blk.0.ffn_up.weight', shape: [32, 1], ...q8 },
  ];
  await writeGguf(quantized, { metadata, tensors });
  expect(why(quantized)).toBe(
    'blk.0.ffn_up.weight is q8_0, and layers are calibrated one by one in f32, f16 or bf16',
  );
  // A quantized matrix that nobody asks for is in nobody's way.
  expect(why(quantized, () => false)).toBeNull();
});
