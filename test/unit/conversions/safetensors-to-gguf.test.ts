import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { safetensorsToGguf } from '../../../artifacts/conversions/safetensors-to-gguf/converter.js';
import { toFailure } from '../../../core/errors.js';
import { decodeFloats, type FloatType } from '../../../core/techniques/float-types.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { formatOf } from '../../../formats/index.js';
import { readTensor } from '../../../formats/tensor-data.js';
import { temporaryFolder } from '../../support/folder.js';
import { damageFolder } from '../../support/folder-damage.js';
import {
  type FolderModel,
  inLayers,
  tinyLlama,
  weightsNamed,
  writeFolder,
} from '../../support/model-folder.js';
import { tinyDeepseek, tinyGptOss } from '../../support/tiny-models.js';

async function converted(inputPath: string, type: FloatType | null = null, dequantize = false) {
  const outputPath = join(temporaryFolder(), 'model.gguf');
  const progress: string[] = [];
  const learned = await safetensorsToGguf.convert({ inputPath, outputPath, type, dequantize }, (done, of) =>
    progress.push(`${done}/${of}`),
  );
  const header = readGgufHeader(outputPath);
  const tensor = (name: string) => {
    const found = header.tensors.find((one) => one.name === name);
    if (found === undefined)
      throw new Error(`no ${name} among ${header.tensors.map((one) => one.name).join()}`);
    return found;
  };
  return {
    path: outputPath,
    header,
    tensor,
    learned,
    progress,
    async values(name: string) {
      const { type: stored } = tensor(name);
      const chunks: Buffer[] = [];
      for await (const chunk of readTensor(tensor(name))) chunks.push(chunk);
      return [...decodeFloats(Buffer.concat(chunks), stored as FloatType)];
    },
  };
}

async function refusal(work: Promise<unknown>) {
  try {
    await work;
  } catch (error) {
    return toFailure(error);
  }
  throw new Error('nothing was refused');
}

/** Rows of a matrix. */
function rowsOf(values: ArrayLike<number>, columns: number): number[][] {
  const all = Array.from(values);
  return Array.from({ length: all.length / columns }, (_, i) => all.slice(i * columns, (i + 1) * columns));
}

describe('a folder of Llama', () => {
  test('becomes what llama.cpp reads: names, keys, and pairs of rows where transformers has halves', async () => {
    const folder = await writeFolder(tinyLlama());
    const { header, values, learned, progress } = await converted(folder);
    const { facts } = formatOf(folder).inspect(folder);
    expect(Object.fromEntries(header.metadata)).toMatchObject({
      'general.architecture': 'llama',
      'general.file_type': 0,
      'llama.block_count': 2,
      'llama.context_length': 64,
      'llama.embedding_length': 16,
      'llama.feed_forward_length': 24,
      'llama.attention.head_count': 4,
      'llama.attention.head_count_kv': 2,
      'llama.attention.key_length': 4,
      'llama.rope.dimension_count': 4,
      'llama.rope.freq_base': 10_000,
      'llama.vocab_size': 32,
    });
    expect(header.tensors.map(({ name }) => name)).toContain('blk.1.ffn_down.weight');
    const queries = rowsOf(weightsNamed('model.layers.0.self_attn.q_proj.weight', [16, 16]), 16);
    // A head of 4 rows: 0 and 2 turn together, then 1 and 3.
    const order = [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15];
    expect(rowsOf(await values('blk.0.attn_q.weight'), 16)).toEqual(order.map((row) => queries[row]));
    const keys = rowsOf(weightsNamed('model.layers.1.self_attn.k_proj.weight', [8, 16]), 16);
    expect(rowsOf(await values('blk.1.attn_k.weight'), 16)).toEqual(
      order.slice(0, 8).map((row) => keys[row]),
    );
    expect(await values('output.weight')).toEqual([...weightsNamed('lm_head.weight', [32, 16])]);
    expect(learned.facts).toEqual({ type: 'f32', tensors: header.tensors.length });
    expect(progress.at(-1)).toBe(`${header.tensors.length}/${header.tensors.length}`);
    const parameters = header.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(facts.parameters).toBe(parameters);
  });

  test('keeps its type, and norms are float32; another type is rounded to', async () => {
    const half = await converted(await writeFolder(tinyLlama(), { type: 'bf16' }));
    expect(half.tensor('blk.0.attn_q.weight').type).toBe('bf16');
    expect(half.tensor('blk.0.attn_norm.weight').type).toBe('f32');
    expect(half.header.metadata.get('general.file_type')).toBe(32);
    const wide = await converted(await writeFolder(tinyLlama(), { type: 'bf16' }), 'f16');
    expect(wide.tensor('blk.0.attn_q.weight').type).toBe('f16');
    expect(await wide.values('blk.0.attn_q.weight')).toEqual(await half.values('blk.0.attn_q.weight'));
  });

  test('in parts is the same file as in one', async () => {
    const [whole, parts] = [temporaryFolder(), temporaryFolder()];
    const one = await converted(await writeFolder(tinyLlama(), { at: whole }));
    const three = await converted(await writeFolder(tinyLlama(), { parts: 3, at: parts }));
    const tensors = ({ path, header }: typeof one) => readFileSync(path).subarray(header.tensors[0]!.offset);
    expect(tensors(three).equals(tensors(one))).toBe(true);
  });

  test('is read in pieces where a matrix is longer than one', async () => {
    const rows = 20_000;
    const { config, tensors } = tinyLlama({ vocab_size: rows });
    const { values } = await converted(
      await writeFolder({
        config,
        tensors: { ...tensors, 'model.embed_tokens.weight': [rows, 16], 'lm_head.weight': [rows, 16] },
      }),
    );
    const [written, meant] = [await values('output.weight'), weightsNamed('lm_head.weight', [rows, 16])];
    expect(written).toHaveLength(meant.length);
    expect(written.every((value, i) => value === meant[i])).toBe(true);
  });

  test('of release 3.1 gets its factors of positions', async () => {
    const rope = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
    const folder = await writeFolder(
      tinyLlama({ rope_theta: 500_000, rope_scaling: { ...rope, original_max_position_embeddings: 32 } }),
    );
    const { values } = await converted(folder);
    // Waves of 2π and 2π · 500,000^(1/2) tokens: the short one as it is (below 32 / 4), the long one
    // (above 32) divided by 8.
    expect(await values('rope_freqs.weight')).toEqual([1, 8]);
  });

  test('with heads that no tensor has is refused before its factors are made', async () => {
    const rope_scaling = { rope_type: 'llama3', factor: 8 };
    const folder = await writeFolder(tinyLlama({ rope_scaling, head_dim: 2 ** 32 - 2 }));
    expect((await refusal(converted(folder))).message).toMatch(/should be \[17179869176, 16\]/);
  });

  test('with a window says what llama.cpp makes of it', async () => {
    const mistral = { architectures: ['MistralForCausalLM'], model_type: 'mistral', sliding_window: 16 };
    const { learned } = await converted(await writeFolder(tinyLlama(mistral)));
    expect(learned.warnings.join('\n')).toContain('look back on 16 tokens');
  });
});

describe('another architecture', () => {
  test('Gemma’s norms are one more, since transformers adds 1', async () => {
    const model = tinyLlama({
      architectures: ['Gemma2ForCausalLM'],
      model_type: 'gemma2',
      head_dim: 4,
      query_pre_attn_scalar: 4,
    });
    const { 'lm_head.weight': _tied, ...tensors } = model.tensors;
    const norms = inLayers({
      'pre_feedforward_layernorm.weight': [16],
      'post_feedforward_layernorm.weight': [16],
    });
    const { values, header } = await converted(
      await writeFolder({ ...model, tensors: { ...tensors, ...norms } }),
    );
    const plus = (name: string) => [...weightsNamed(name, [16])].map((value) => value + 1);
    expect(await values('output_norm.weight')).toEqual(plus('model.norm.weight'));
    expect(await values('blk.1.post_ffw_norm.weight')).toEqual(
      plus('model.layers.1.post_feedforward_layernorm.weight'),
    );
    expect(header.metadata.get('gemma2.attention.sliding_window')).toBe(4096);
  });

  test.each(['each', 'together'] as const)(
    'experts that are stored %s become one tensor a layer',
    async (stored) => {
      const [n, each, experts] = [16, 12, 3];
      const model = tinyLlama({
        architectures: ['Qwen3MoeForCausalLM'],
        model_type: 'qwen3_moe',
        head_dim: 4,
        num_experts: experts,
        num_experts_per_tok: 2,
        moe_intermediate_size: each,
      });
      const dense = Object.entries(model.tensors).filter(([name]) => !name.includes('.mlp.'));
      const alone = Object.fromEntries(
        Array.from({ length: experts }, (_, i) => [
          [`mlp.experts.${i}.gate_proj.weight`, [each, n]],
          [`mlp.experts.${i}.up_proj.weight`, [each, n]],
          [`mlp.experts.${i}.down_proj.weight`, [n, each]],
        ]).flat(),
      ) as Record<string, number[]>;
      const together = {
        'mlp.experts.gate_up_proj': [experts, 2 * each, n],
        'mlp.experts.down_proj': [experts, n, each],
      };
      const tensors = {
        ...Object.fromEntries(dense),
        ...inLayers({
          'self_attn.q_norm.weight': [4],
          'self_attn.k_norm.weight': [4],
          'mlp.gate.weight': [experts, n],
          ...(stored === 'each' ? alone : together),
        }),
      };
      const { values, tensor } = await converted(await writeFolder({ ...model, tensors }, { type: 'bf16' }));
      expect(tensor('blk.1.ffn_up_exps.weight').shape).toEqual([n, each, experts]);
      expect(tensor('blk.1.ffn_gate_inp.weight').type).toBe('f32');
      const up = rowsOf(await values('blk.1.ffn_up_exps.weight'), each * n)[2];
      const meant =
        stored === 'each'
          ? weightsNamed('model.layers.1.mlp.experts.2.up_proj.weight', [each, n])
          : rowsOf(
              weightsNamed('model.layers.1.mlp.experts.gate_up_proj', [experts, 2 * each, n]),
              each * n,
            )[5]!;
      expect(up).toEqual([...meant]);
    },
  );

  test('DeepSeek’s latent attention is taken apart: keys turned, values as they are, for each head', async () => {
    const [heads, nope, rope, value, rank] = [2, 4, 2, 3, 5];
    const model = tinyDeepseek();
    const { values, tensor, header } = await converted(await writeFolder(model));
    const both = rowsOf(
      weightsNamed('model.layers.0.self_attn.kv_b_proj.weight', [heads * (nope + value), rank]),
      rank,
    );
    expect(tensor('blk.0.attn_k_b.weight').shape).toEqual([nope, rank, heads]);
    const keys = await values('blk.0.attn_k_b.weight');
    for (let head = 0; head < heads; head++)
      for (let i = 0; i < rank; i++)
        for (let j = 0; j < nope; j++)
          expect(keys[(head * rank + i) * nope + j]).toBe(both[head * (nope + value) + j]![i]);
    expect(rowsOf(await values('blk.0.attn_v_b.weight'), rank)).toEqual([
      ...both.slice(4, 7),
      ...both.slice(11, 14),
    ]);
    expect(Object.fromEntries(header.metadata)).toMatchObject({
      'deepseek2.attention.head_count_kv': 1,
      'deepseek2.attention.key_length': rank + rope,
      'deepseek2.attention.key_length_mla': nope + rope,
    });
  });

  test('GPT-OSS’s experts lie with inputs first, gate and up in turns', async () => {
    const [n, each, experts] = [32, 3, 2];
    const name = 'mlp.experts.gate_up_proj';
    const { values, tensor } = await converted(await writeFolder(tinyGptOss(), { type: 'bf16' }));
    const stored = weightsNamed(`model.layers.0.${name}`, [experts, n, 2 * each]);
    const up = await values('blk.0.ffn_up_exps.weight');
    for (let expert = 0; expert < experts; expert++)
      for (let row = 0; row < each; row++)
        for (let column = 0; column < n; column++)
          expect(up[(expert * each + row) * n + column]).toBe(
            stored[(expert * n + column) * 2 * each + 2 * row + 1],
          );
    const bias = weightsNamed(`model.layers.0.${name}_bias`, [experts, 2 * each]);
    expect(await values('blk.0.ffn_gate_exps.bias')).toEqual([0, 2, 4, 6, 8, 10].map((i) => bias[i]));
    expect(tensor('blk.0.attn_sinks.weight').type).toBe('f32');
  });
});

describe('a folder that is wrong', () => {
  const changed = (change: Record<string, readonly number[] | null>, config = {}) => {
    const model = tinyLlama(config);
    const tensors = Object.entries({ ...model.tensors, ...change }).filter(([, shape]) => shape !== null);
    return { ...model, tensors: Object.fromEntries(tensors) as FolderModel['tensors'] };
  };

  test.each<[string, FolderModel, string]>([
    [
      'a matrix less',
      changed({ 'model.layers.1.mlp.up_proj.weight': null }),
      'its layer 1 has no tensor that becomes ffn_up.weight',
    ],
    [
      'a matrix of another shape',
      changed({ 'model.layers.1.self_attn.v_proj.weight': [16, 16] }),
      'blk.1.attn_v.weight is [16, 16], and should be [8, 16]',
    ],
    [
      'a matrix that no graph has',
      changed({ 'model.layers.1.self_attn.w_proj.weight': [16, 16] }),
      'self_attn.w_proj.weight has no place',
    ],
    ['a layer too many', changed({ 'model.layers.2.input_layernorm.weight': [16] }), 'it has a layer 2'],
    [
      'queries that llama.cpp takes for others',
      { ...tinyDeepseek(), config: { ...tinyDeepseek().config, q_lora_rank: 6 } },
      'takes a model of 26 layers for one without',
    ],
    ['no embedding', changed({ 'model.embed_tokens.weight': null }), 'becomes token_embd.weight'],
    ['heads that do not divide', changed({}, { num_attention_heads: 5 }), 'does not divide hidden_size'],
    [
      'no number of layers',
      changed({}, { num_hidden_layers: null }),
      'num_hidden_layers of its config is missing',
    ],
    [
      'a number that is a word',
      changed({}, { rms_norm_eps: 'small' }),
      'rms_norm_eps of its config is "small"',
    ],
  ])('%s: one sentence', async (_, model, sentence) => {
    const refused = await refusal(converted(await writeFolder(model)));
    expect(refused.code).toBe('model-unreadable');
    expect(refused.message).toContain(sentence);
    expect(refused.message).not.toContain('\n');
  });

  test.each<[string, Record<string, unknown>, string]>([
    [
      'an architecture of no graph',
      { model_type: 'opt', architectures: ['OPTForCausalLM'] },
      'opt has no GGUF form',
    ],
    [
      'a model for another task',
      { architectures: ['LlamaForSequenceClassification'] },
      'it is a LlamaForSequenceClassification',
    ],
    ['quantized weights', { quantization_config: { quant_method: 'awq', bits: 4 } }, 'quantized (awq)'],
  ])('%s is refused with the reason', async (_, config, sentence) => {
    const refused = await refusal(converted(await writeFolder(tinyLlama(config))));
    expect(refused.code).toBe('model-unsupported');
    expect(refused.message).toContain(sentence);
  });

  test('an index that lies, and parts that are cut off or missing', async () => {
    const folder = await writeFolder(tinyLlama(), { parts: 2 });
    const second = join(folder, 'model-00002-of-00002.safetensors');
    const bytes = readFileSync(second);
    writeFileSync(second, bytes.subarray(0, bytes.length - 4));
    expect((await refusal(converted(folder))).message).toContain(
      'its part model-00002-of-00002.safetensors: it is cut off: 4 of',
    );
    writeFileSync(second, bytes);
    const index = join(folder, 'model.safetensors.index.json');
    const map = JSON.parse(readFileSync(index, 'utf8')) as { weight_map: Record<string, string> };
    map.weight_map['model.norm.weight'] = 'model-00003-of-00002.safetensors';
    writeFileSync(index, JSON.stringify(map));
    expect((await refusal(converted(folder))).message).toContain(
      'the part model-00003-of-00002.safetensors, which is not there',
    );
    map.weight_map['model.norm.weight'] = 'model-00002-of-00002.safetensors';
    map.weight_map['model.nothing.weight'] = 'model-00002-of-00002.safetensors';
    writeFileSync(index, JSON.stringify(map));
    expect((await refusal(converted(folder))).message).toContain('has no tensor model.nothing.weight');
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    'by accident (%i) is converted or refused',
    async (seed) => {
      const folder = await writeFolder(tinyLlama(), { parts: 2 });
      const what = damageFolder(folder, seed);
      const { code, message } = await converted(folder).then(
        () => ({ code: 'none', message: '' }),
        (error) => toFailure(error),
      );
      expect(['none', 'model-unreadable', 'model-unsupported'], `${what}: ${message}`).toContain(code);
      expect(message).not.toContain('\n');
    },
  );
});
