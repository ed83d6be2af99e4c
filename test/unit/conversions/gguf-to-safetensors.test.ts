import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ggufToSafetensors } from '../../../artifacts/conversions/gguf-to-safetensors/converter.js';
import { writeWeights } from '../../../artifacts/conversions/gguf-to-safetensors/folder.js';
import { ARCHITECTURES } from '../../../artifacts/conversions/safetensors-to-gguf/architectures/index.js';
import { safetensorsToGguf } from '../../../artifacts/conversions/safetensors-to-gguf/converter.js';
import { numbers } from '../../../artifacts/conversions/safetensors-to-gguf/weights.js';
import { toFailure } from '../../../core/errors.js';
import { WRITTEN_ARCHITECTURES } from '../../../core/models/conversions.js';
import { encodeFloats, type FloatType } from '../../../core/techniques/float-types.js';
import { copyGguf } from '../../../formats/gguf/copy.js';
import type { GgufValue } from '../../../formats/gguf/value.js';
import { openSafetensors } from '../../../formats/safetensors/reader.js';
import { readTensor } from '../../../formats/tensor-data.js';
import { temporaryFolder } from '../../support/folder.js';
import { type FolderModel, inLayers, tinyLlama, writeFolder } from '../../support/model-folder.js';
import { packedGptOss, tinyBert, tinyDeepseek, tinyGptOss } from '../../support/tiny-models.js';

const silent = () => {};

async function toGguf(inputPath: string): Promise<string> {
  const outputPath = join(temporaryFolder(), 'model.gguf');
  await safetensorsToGguf.convert({ inputPath, outputPath, type: null, dequantize: false }, silent);
  return outputPath;
}

interface Options {
  readonly type?: FloatType | null;
  readonly dequantize?: boolean;
  readonly base?: string | null;
}

async function toFolder(inputPath: string, { type = null, dequantize = false, base = null }: Options = {}) {
  const outputPath = join(temporaryFolder(), 'folder');
  const learned = await ggufToSafetensors.convert({ inputPath, outputPath, type, dequantize, base }, silent);
  const config = JSON.parse(readFileSync(join(outputPath, 'config.json'), 'utf8')) as Record<string, unknown>;
  return {
    path: outputPath,
    learned,
    config,
    tensors: await tensorsOf(join(outputPath, 'model.safetensors')),
  };
}

async function tensorsOf(
  path: string,
): Promise<Record<string, { dtype: string; shape: readonly number[]; bytes: string }>> {
  const found: Record<string, { dtype: string; shape: readonly number[]; bytes: string }> = {};
  for (const tensor of openSafetensors(path).tensors.values()) {
    const chunks: Buffer[] = [];
    for await (const chunk of readTensor(tensor)) chunks.push(chunk);
    found[tensor.name] = {
      dtype: tensor.dtype,
      shape: tensor.shape,
      bytes: Buffer.concat(chunks).toString('hex'),
    };
  }
  return found;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const { code, message, hint } = toFailure(error);
    return `${code}: ${message}. ${hint ?? ''}`;
  }
  throw new Error('nothing was refused');
}

const published = (folder: string) => tensorsOf(join(folder, 'model.safetensors'));

/** Experts beside the attention of the tiny Llama. */
function tinyMixture(): FolderModel {
  const { config, tensors } = tinyLlama({
    architectures: ['Qwen3MoeForCausalLM'],
    model_type: 'qwen3_moe',
    head_dim: 4,
    num_experts: 3,
    num_experts_per_tok: 2,
    moe_intermediate_size: 24,
    norm_topk_prob: true,
  });
  const dense = Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.includes('.mlp.')));
  const experts = [0, 1, 2].flatMap((expert) => [
    [`mlp.experts.${expert}.gate_proj.weight`, [24, 16]] as const,
    [`mlp.experts.${expert}.up_proj.weight`, [24, 16]] as const,
    [`mlp.experts.${expert}.down_proj.weight`, [16, 24]] as const,
  ]);
  const more = inLayers({
    ...Object.fromEntries(experts),
    'mlp.gate.weight': [3, 16],
    'self_attn.q_norm.weight': [4],
    'self_attn.k_norm.weight': [4],
  });
  return { config, tensors: { ...dense, ...more } };
}

describe('a GGUF file as a folder', () => {
  test('has the tensors of the folder that it was made of, bit by bit, and a config that leads to it', async () => {
    for (const [model, type] of [
      [tinyLlama(), 'f32'],
      [tinyLlama(), 'bf16'],
      [tinyMixture(), 'f32'],
    ] as const) {
      const folder = await writeFolder(model, { type });
      const { tensors, config, learned } = await toFolder(await toGguf(folder));
      expect(tensors).toEqual(await published(folder));
      expect(learned.warnings).toEqual([]);
      const { rms_norm_eps, ...said } = model.config;
      expect(config).toMatchObject(said);
      expect(config.dtype).toBe(type === 'f32' ? 'float32' : 'bfloat16');
    }
  });

  test('joins what DeepSeek’s attention and GPT-OSS’s experts are taken apart into', async () => {
    const rope_scaling = {
      rope_type: 'yarn',
      factor: 32,
      beta_fast: 32,
      beta_slow: 1,
      original_max_position_embeddings: 16,
      truncate: false,
    };
    const { config: oss, ...experts } = tinyGptOss();
    for (const model of [
      tinyDeepseek(2),
      tinyDeepseek(3),
      tinyGptOss(),
      { ...experts, config: { ...oss, rope_scaling } },
    ]) {
      const folder = await writeFolder(model);
      const { tensors, config, learned } = await toFolder(await toGguf(folder));
      expect(tensors).toEqual(await published(folder));
      expect(learned.warnings).toEqual([]);
      const { rms_norm_eps, num_key_value_heads, ...said } = model.config;
      expect(config).toMatchObject(said);
    }
  });

  test('keeps blocks of MXFP4, or writes the floats that they stand for where it is asked to', async () => {
    const folder = await packedGptOss();
    const gguf = await toGguf(folder);
    const { tensors, config, learned } = await toFolder(gguf);
    expect(tensors).toEqual(await published(folder));
    expect(learned.warnings).toEqual([]);
    expect(config.quantization_config).toMatchObject({ quant_method: 'mxfp4' });
    // A Llama has no such form.
    const other = join(temporaryFolder(), 'other.gguf');
    const blocks = { type: 'mxfp4', shape: [32, 16], data: () => [new Uint8Array(16 * 17)] };
    await copyGguf(await toGguf(await writeFolder(tinyLlama())), other, {
      tensors: new Map([['blk.0.ffn_down.weight', blocks]]),
    });
    expect(await refusal(toFolder(other))).toMatch(/model-unsupported: .*quantized \(mxfp4\)/);
  });

  test('is an encoder as BERT’s, without what pools', async () => {
    const folder = await tinyBert();
    const made = await toFolder(await toGguf(folder));
    const { 'pooler.dense.weight': _, 'pooler.dense.bias': _bias, ...kept } = await published(folder);
    expect(made.tensors).toEqual(kept);
    expect(made.learned.warnings).toEqual([]);
    expect(made.config).toMatchObject({
      architectures: ['BertModel'],
      model_type: 'bert',
      type_vocab_size: 2,
      layer_norm_eps: 1e-12,
      max_position_embeddings: 32,
    });
  });

  test('lacks a part of what is joined: one sentence', async () => {
    const gguf = await toGguf(await writeFolder(tinyDeepseek(2)));
    const lacking = join(temporaryFolder(), 'lacking.gguf');
    const keys = { type: 'f32', shape: [4, 5, 2], data: () => [new Uint8Array(160)] };
    await copyGguf(gguf, lacking, { added: [{ name: 'blk.26.attn_k_b.weight', ...keys }] });
    expect(await refusal(toFolder(lacking))).toMatch(
      /model-unreadable: .* has blk\.26\.attn_k_b\.weight and no blk\.26\.attn_v_b\.weight/,
    );
  });

  test('joins only what is alike', async () => {
    const gguf = await toGguf(await writeFolder(tinyGptOss()));
    const bias = (length: number) => ({
      type: 'f32',
      shape: [length, 2],
      data: () => [new Uint8Array(8 * length)],
    });
    const changed = async (name: string, tensor: ReturnType<typeof bias>) => {
      const path = join(temporaryFolder(), 'changed.gguf');
      await copyGguf(gguf, path, { tensors: new Map([[name, tensor]]) });
      return await refusal(toFolder(path));
    };
    expect(await changed('blk.1.ffn_up_exps.bias', bias(4))).toMatch(
      /model-unreadable: .* its tensors of f32 \[3, 2\] and f32 \[4, 2\] do not fit together/,
    );
    const half = { type: 'f16', shape: [32, 3, 2], data: () => [new Uint8Array(2 * 32 * 3 * 2)] };
    expect(await changed('blk.1.ffn_up_exps.weight', half)).toMatch(
      /its tensors of f32 \[2, 3, 32\] and f16 \[2, 3, 32\] do not fit together/,
    );
    // No other quantization is blocks of MXFP4.
    const packed = { type: 'q8_0', shape: [32, 3, 2], data: () => [new Uint8Array(34 * 6)] };
    expect(await changed('blk.1.ffn_up_exps.weight', packed)).toMatch(
      /model-unsupported: .*quantized \(q8_0\)/,
    );
  });

  test('writes numbers that transformers takes as floats with a point', async () => {
    const base = await writeFolder(tinyLlama({ attention_dropout: 0 }));
    const { path } = await toFolder(await toGguf(base), { base });
    const text = readFileSync(join(path, 'config.json'), 'utf8');
    expect(text).toContain('"rope_theta": 10000.0,');
    expect(text).toContain('"attention_dropout": 0.0');
    expect(text).toContain('"rms_norm_eps": 0.00001,');
  });

  test('finds the rule of Llama 3 behind its frequencies', async () => {
    const rope_scaling = {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 32,
    };
    const long = tinyLlama({ hidden_size: 16, head_dim: 4, rope_theta: 500, rope_scaling });
    const { config } = await toFolder(await toGguf(await writeFolder(long)));
    expect(config.rope_scaling).toEqual(rope_scaling);
  });

  test('takes 1 off the norms of Gemma, and the tied output is said', async () => {
    const { config, tensors } = tinyLlama({
      architectures: ['Gemma2ForCausalLM'],
      model_type: 'gemma2',
      head_dim: 4,
      query_pre_attn_scalar: 4,
      sliding_window: 16,
    });
    const norms = inLayers({
      'pre_feedforward_layernorm.weight': [16],
      'post_feedforward_layernorm.weight': [16],
    });
    const { 'lm_head.weight': _, ...rest } = tensors;
    const folder = await writeFolder({ config, tensors: { ...rest, ...norms } }, { type: 'bf16' });
    const made = await toFolder(await toGguf(folder));
    expect(made.tensors).toEqual(await published(folder));
    expect(made.config).toMatchObject({
      tie_word_embeddings: true,
      attn_logit_softcapping: 50,
      query_pre_attn_scalar: 4,
    });
  });

  test('of a base of text and images takes what that says of its text', async () => {
    const { config, tensors } = tinyLlama({
      model_type: 'gemma3_text',
      head_dim: 4,
      query_pre_attn_scalar: 4,
      sliding_window: 16,
      attention_dropout: 0.25,
    });
    const { architectures, ...text_config } = config;
    const both = {
      architectures: ['Gemma3ForConditionalGeneration'],
      model_type: 'gemma3',
      eos_token_id: [1, 2],
      text_config,
      vision_config: { hidden_size: 8 },
    };
    const norms = inLayers({
      'pre_feedforward_layernorm.weight': [16],
      'post_feedforward_layernorm.weight': [16],
      'self_attn.q_norm.weight': [4],
      'self_attn.k_norm.weight': [4],
    });
    const { 'lm_head.weight': _, ...rest } = tensors;
    const model = { config: { ...both, vocab_size: config.vocab_size }, tensors: { ...rest, ...norms } };
    const folder = await writeFolder(model, { type: 'bf16' });
    const made = await toFolder(await toGguf(folder), { base: folder });
    expect(made.config).toMatchObject({
      architectures: ['Gemma3ForCausalLM'],
      model_type: 'gemma3_text',
      attention_dropout: 0.25,
      hidden_size: 16,
      eos_token_id: [1, 2],
    });
    expect(made.config).not.toHaveProperty('text_config');
    expect(made.config).not.toHaveProperty('vision_config');
  });

  test('keeps float32 where the type of the others would round it, unless a type is asked for', async () => {
    const folder = await writeFolder(tinyLlama(), { type: 'f16' });
    const gguf = await toGguf(folder);
    const fine = join(temporaryFolder(), 'fine.gguf');
    const norm = {
      type: 'f32',
      shape: [16],
      data: () => [
        encodeFloats(
          Float32Array.from({ length: 16 }, (_, i) => 1 + i * 1e-6),
          'f32',
        ),
      ],
    };
    await copyGguf(gguf, fine, { tensors: new Map([['output_norm.weight', norm]]) });
    const own = await toFolder(fine);
    expect(own.tensors['model.norm.weight']!.dtype).toBe('F32');
    expect(own.tensors['model.layers.0.input_layernorm.weight']!.dtype).toBe('F16');
    const asked = await toFolder(fine, { type: 'f16' });
    expect(asked.tensors['model.norm.weight']!.dtype).toBe('F16');
  });

  test('has a tokenizer of the file, or the one of its base, whose config says what the file does not', async () => {
    const folder = await writeFolder(
      tinyLlama({ attention_dropout: 0.25, rope_parameters: { rope_type: 'default', rope_theta: 10_000 } }),
    );
    const gguf = await toGguf(folder);
    const own = await toFolder(gguf);
    expect(readdirSync(own.path).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(own.config.attention_dropout).toBeUndefined();
    const kept = await toFolder(gguf, { base: folder });
    expect(kept.config).toMatchObject({ attention_dropout: 0.25, rope_parameters: { rope_theta: 10_000 } });
    expect('rope_theta' in kept.config && kept.config.rope_theta !== 10_000).toBe(false);
    expect(readFileSync(join(kept.path, 'tokenizer.json'))).toEqual(
      readFileSync(join(folder, 'tokenizer.json')),
    );
  });

  test('tells what its config does not say', async () => {
    const gguf = await toGguf(await writeFolder(tinyLlama()));
    const other = join(temporaryFolder(), 'other.gguf');
    const value: GgufValue = { type: 'f32', value: 0.5 };
    await copyGguf(gguf, other, { metadata: new Map([['llama.attention.scale', value]]) });
    const { learned } = await toFolder(other);
    expect(learned.warnings).toEqual([
      'its key llama.attention.scale is 0.5, of which the config says nothing',
    ]);
  });

  test('is refused for what no folder is made of', async () => {
    const gguf = await toGguf(await writeFolder(tinyLlama()));
    const changed = async (key: string, value: GgufValue) => {
      const path = join(temporaryFolder(), 'changed.gguf');
      await copyGguf(gguf, path, { metadata: new Map([[key, value]]) });
      return await refusal(toFolder(path));
    };
    expect(await changed('general.architecture', { type: 'string', value: 'mamba' })).toMatch(
      /model-unsupported: .* no folder is made of the architecture mamba/,
    );
    expect(await changed('tokenizer.ggml.model', { type: 'string', value: 'rwkv' })).toMatch(
      /model-unreadable: .*kind rwkv/,
    );
    const packed = join(temporaryFolder(), 'packed.gguf');
    const blocks = { type: 'q8_0', shape: [32, 16], data: () => [new Uint8Array(16 * 34)] };
    await copyGguf(gguf, packed, { tensors: new Map([['blk.0.ffn_down.weight', blocks]]) });
    expect(await refusal(toFolder(packed))).toMatch(
      /model-unsupported: .* its weights are quantized \(q8_0\)\. Add --dequantize/,
    );
    const turned = join(temporaryFolder(), 'turned.gguf');
    const factors = {
      name: 'rope_freqs.weight',
      type: 'f32',
      shape: [2],
      data: () => [encodeFloats(Float32Array.of(3, 5), 'f32')],
    };
    await copyGguf(gguf, turned, { added: [factors] });
    expect(await refusal(toFolder(turned))).toMatch(
      /rope_freqs\.weight does not follow from what it says of positions\. Name the folder .*--base/,
    );
  });

  test('is in parts where it is larger than one file should be', async () => {
    const folder = temporaryFolder();
    const tensors = ['a', 'b', 'c'].map((name) => ({ name, weights: numbers([1, 2, 3, 4]) }));
    await writeWeights(folder, tensors, { asked: null, most: 'f32', onProgress: silent, partBytes: 33 });
    expect(readdirSync(folder).sort()).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ]);
    const index = join(folder, 'model.safetensors.index.json');
    expect([...openSafetensors(index).tensors.keys()].sort()).toEqual(['a', 'b', 'c']);
    expect(JSON.parse(readFileSync(index, 'utf8')).metadata).toEqual({ total_size: 48 });
  });
});

test('the table of architectures names those that are written back', () => {
  const written = Object.values(ARCHITECTURES).filter(({ values }) => values !== undefined);
  expect(new Set(written.map(({ gguf }) => gguf))).toEqual(new Set(WRITTEN_ARCHITECTURES));
});
