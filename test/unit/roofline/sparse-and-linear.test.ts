import { describe, expect, test } from 'vitest';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import { keptBytes } from '../../../core/work/kept.js';
import { passMemory } from '../../../core/work/memory/pass-memory.js';
import { sizeOf } from '../../../core/work/model-size.js';
import { FLASH, type KernelSetting, type PassRequest } from '../../../core/work/pass/setting.js';
import { passWork } from '../../../core/work/pass-work.js';
import type { OperatorWork } from '../../../core/work/work.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { architectureFromConfig } from '../../../roofline/readers/config.js';
import { servedIn } from '../../../roofline/step/served-in.js';
import { kernelsIn } from '../../../roofline/step/setting.js';
import { sound } from '../../support/reading.js';

const published = (name: string) => sound(namedArchitecture(name)).architecture;
const read = (config: object) => sound(architectureFromConfig(config)).architecture;

/** Parameters that a token meets: of the experts those that are used, and the row of the embedding alone. */
function activeParameters(model: ModelArchitecture): number {
  const idle = model.layers.reduce((sum, { count, feedForward: { gate, up, down, experts } }) => {
    if (experts === null) return sum;
    const each = [gate, up, down].reduce(
      (all, matrix) =>
        matrix === null ? all : all + (matrix.inputs + (matrix.bias ? 1 : 0)) * matrix.outputs,
      0,
    );
    return sum + count * (experts.count - experts.usedPerToken) * each;
  }, 0);
  return sizeOf(model).parameters - idle - model.embedding * model.vocabulary;
}

/** Bytes of all layers after so many tokens, in 16 bits. */
const kept = ({ layers }: ModelArchitecture, tokens: number) =>
  layers.reduce(
    (sum, { count, attention }) =>
      sum + count * keptBytes(attention, tokens, { cacheBits: { key: 16, value: 16 }, activationBits: 16 }),
    0,
  );
const bytesPerToken = (model: ModelArchitecture) => kept(model, 1001) - kept(model, 1000);

describe('published models are as large as their makers say', () => {
  // In billions: all, and active.
  const claims: Readonly<Record<string, readonly [all: number, active: number, source: string]>> = {
    'deepseek-r1': [671, 37, 'arXiv 2412.19437, abstract'],
    'kimi-k2.5': [1026, 32, 'arXiv 2507.20534, table 2, which says 1.04 T and 32.6 B'],
    'glm-5': [744, 41, 'docs.sglang.io/cookbook/autoregressive/GLM/GLM-5, which says 744 B and 40 B'],
    'minimax-m2.5': [229, 10, 'vercel.com/ai-gateway/models/minimax-m2, which says 230 B and 10 B'],
    'qwen3.5-397b-a17b': [396, 16, 'its name, with what sees images and the embedding 397 B and 17 B'],
    'gpt-oss-120b': [117, 5, 'arXiv 2508.10925, table 1: 116.83 B and 5.13 B'],
    'qwen3-235b-a22b': [235, 22, 'its name'],
  };
  for (const [name, [all, active]] of Object.entries(claims)) {
    test(name, () => {
      const model = published(name);
      expect(Math.round(sizeOf(model).parameters / 1e9)).toBe(all);
      expect(Math.round(activeParameters(model) / 1e9)).toBe(active);
    });
  }

  test('to the last digit that is published', () => {
    expect((activeParameters(published('gpt-oss-120b')) / 1e9).toFixed(2)).toBe('5.13');
  });

  test('what they keep of a token', () => {
    // arXiv 2505.09343, table 1: 70.272 KB and 516.096 KB.
    expect(bytesPerToken(published('deepseek-v3'))).toBe(70_272);
    expect(bytesPerToken(published('llama-3.1-405b'))).toBe(516_096);
    expect(bytesPerToken(published('kimi-k2.5'))).toBe(70_272);
    // Latents in 16 bits, and a key of the index in fp8 with its scale.
    expect(bytesPerToken(published('deepseek-v3.2'))).toBe(61 * (2 * 576 + 132));
    expect(bytesPerToken(published('glm-5'))).toBe(78 * (2 * 576 + 132));
    // 15 of 60 layers have a cache, of 2 heads of 256.
    expect(bytesPerToken(published('qwen3.5-397b-a17b'))).toBe(15 * 2 * 2 * 256 * 2);
  });

  test('what was left out of them is said', () => {
    expect(published('glm-5').leftOut).toEqual(['1 layer of multi-token prediction']);
    expect(published('kimi-k2.5').leftOut).toEqual(['what sees images']);
    expect(published('qwen3-32b').leftOut).toBeUndefined();
  });
});

const COMMON = {
  num_hidden_layers: 1,
  hidden_size: 32,
  num_attention_heads: 2,
  intermediate_size: 16,
  vocab_size: 64,
  max_position_embeddings: 4096,
};
const chooses = read({
  ...COMMON,
  model_type: 'deepseek_v32',
  q_lora_rank: 12,
  kv_lora_rank: 10,
  qk_nope_head_dim: 6,
  qk_rope_head_dim: 4,
  v_head_dim: 8,
  index_n_heads: 3,
  index_head_dim: 16,
  index_topk: 100,
});
const hybrid = read({
  ...COMMON,
  model_type: 'qwen3_5_text',
  num_hidden_layers: 4,
  num_key_value_heads: 1,
  head_dim: 16,
  linear_num_key_heads: 2,
  linear_num_value_heads: 4,
  linear_key_head_dim: 8,
  linear_value_head_dim: 6,
});

type Batch = Pick<PassRequest, 'phase' | 'batch'>;
const decode = (sequences: number, cachedTokens: number): Batch => ({
  phase: 'decode',
  batch: [{ sequences, newTokens: 1, cachedTokens }],
});
const prefill = (newTokens: number, cachedTokens = 0): Batch => ({
  phase: 'prefill',
  batch: [{ sequences: 1, newTokens, cachedTokens }],
});

function operatorsOf(model: ModelArchitecture, request: PassRequest): Readonly<Record<string, OperatorWork>> {
  return Object.fromEntries(passWork(model, request).operators.map((work) => [work.name, work]));
}

describe('attention over chosen tokens', () => {
  test('scores all tokens with the index, and sees the chosen ones', () => {
    const { index_scores, index_sum, index_choice, attention } = operatorsOf(chooses, decode(2, 999));
    // 2 sequences, 3 heads of 16, 1000 tokens; a key of 16 bytes and a scale of 4.
    expect(index_scores).toMatchObject({ arithmetic: 'fp8', flops: 2 * 3 * 16 * 2 * 1000 });
    expect(index_scores?.traffic).toMatchObject({ cacheRead: 2 * 1000 * 20, activationsWritten: 4 * 2000 });
    expect(index_sum?.flops).toBe(3 * 3 * 2000);
    expect(index_choice?.traffic.activationsWritten).toBe(4 * 2 * 100);
    // The absorbed way: keys of 10 + 4 elements and values of 10, for 2 heads and 100 tokens.
    expect(attention?.flops).toBe(2 * 2 * 2 * 100 * (14 + 10));
    expect(attention?.traffic.cacheRead).toBe(2 * 100 * 14 * 2);
  });

  test('is like any other while a context is no longer than what is chosen', () => {
    const { attention } = operatorsOf(chooses, prefill(50));
    expect(attention?.flops).toBe(2 * 2 * ((50 * 51) / 2) * (14 + 10));
    expect(attention?.traffic.cacheRead).toBe(50 * 14 * 2);
  });

  test('reads its own tokens for each query, unless a cache holds all of them', () => {
    const pairs = (100 * 101) / 2 + 200 * 100;
    const bytes = (queryBlock: number | null) =>
      operatorsOf(chooses, { ...prefill(300), attention: { ...FLASH, queryBlock } }).attention?.traffic
        .cacheRead;
    expect(bytes(128)).toBe(pairs * 14 * 2);
    expect(bytes(null)).toBe(300 * 14 * 2);
  });

  test('a layer without an index of its own takes what the one before it chose', () => {
    const [group] = chooses.layers;
    if (group?.attention.kind !== 'latent') throw new Error('no latent attention');
    const { index } = group.attention;
    const shared: ModelArchitecture = {
      ...chooses,
      layers: [group, { ...group, attention: { ...group.attention, index: { ...index!, matrices: null } } }],
    };
    const [one, two] = [chooses, shared].map((model) => operatorsOf(model, decode(1, 999)));
    expect(two?.index_scores).toEqual(one?.index_scores);
    expect(two?.attention?.flops).toBe(2 * one!.attention!.flops);
    // Latents alone.
    expect(bytesPerToken(shared) - bytesPerToken(chooses)).toBe(2 * 14);
  });
});

describe('the gated delta rule', () => {
  const [dk, dv, heads] = [8, 6, 4];
  const layers = 3;

  test('of one token: decay, two products with the state, and what is written into it', () => {
    const { delta_rule, convolution } = operatorsOf(hybrid, decode(5, 700));
    expect(delta_rule).toMatchObject({ calls: layers, flops: layers * 5 * heads * 7 * dk * dv });
    const state = layers * 5 * heads * dk * dv * 4;
    expect(delta_rule?.traffic).toMatchObject({ cacheRead: state, cacheWritten: state });
    // 2 · 2 heads of keys of 8 and 4 of values of 6; four tokens, and silu.
    expect(convolution?.flops).toBe(layers * 5 * (2 * 2 * dk + heads * dv) * (2 * 4 + 4));
  });

  test('of a prompt, in chunks of 64, whose state nobody has to read', () => {
    const { delta_rule } = operatorsOf(hybrid, prefill(256));
    const each = (6 + 1 / 64) * dk * dv + 64 * (6 * dk + 4 * dv);
    expect(delta_rule?.flops).toBeCloseTo(layers * 256 * heads * each, 3);
    expect(delta_rule?.traffic).toMatchObject({ cacheRead: 0, cacheWritten: layers * heads * dk * dv * 4 });
  });

  test('every fourth layer has a cache, heads with a gate, and a quarter of each turned', () => {
    expect(hybrid.layers.map(({ count, attention }) => [count, attention.kind])).toEqual([
      [3, 'gated-delta'],
      [1, 'dot-product'],
    ]);
    const { attention_gate, q_proj, rope } = operatorsOf(hybrid, decode(1, 10));
    expect(q_proj?.flops).toBe(2 * 32 * 2 * 2 * 16);
    expect(attention_gate?.flops).toBe(5 * 2 * 16);
    expect(rope?.flops).toBe(3 * 3 * 4);
  });

  test('memory grows with sequences, and with tokens in those layers alone', () => {
    const cache = (sequences: number, cachedTokens: number) =>
      passMemory(hybrid, decode(sequences, cachedTokens)).kvCache;
    const state = layers * (heads * dk * dv * 4 + 3 * (2 * 2 * dk + heads * dv) * 2);
    const token = 2 * 16 * 2;
    expect(cache(1, 99)).toBe(state + 100 * token);
    expect(cache(3, 1999)).toBe(3 * (state + 2000 * token));
  });

  test('heads are shared out, and what cannot be says so', () => {
    const parallelism = { tensor: 2, pipeline: 1, expert: 1 };
    const whole = operatorsOf(hybrid, decode(1, 10)).delta_rule!;
    expect(operatorsOf(hybrid, { ...decode(1, 10), parallelism }).delta_rule?.flops).toBe(whole.flops / 2);
    const four = read({
      ...COMMON,
      model_type: 'qwen3_5_text',
      num_attention_heads: 4,
      head_dim: 16,
      linear_num_key_heads: 2,
      linear_num_value_heads: 4,
      linear_key_head_dim: 8,
      linear_value_head_dim: 6,
    });
    expect(() => passWork(four, { ...decode(1, 10), parallelism: { ...parallelism, tensor: 4 } })).toThrow(
      /2 key heads of linear attention cannot be shared evenly by 4 devices/,
    );
  });
});

describe('calls of kernels', () => {
  const calls = (
    model: ModelArchitecture,
    request: PassRequest,
    kernels: KernelSetting = kernelsIn('bf16'),
  ) =>
    Object.fromEntries(
      passWork(servedIn(model, 'bf16'), { ...request, kernels }).operators.map(({ name, kernelCalls }) => [
        name,
        kernelCalls,
      ]),
    );
  const parts = { ...kernelsIn('bf16'), latentParts: true };
  const deepseek = published('deepseek-v3');

  test('the whole layer of latent attention is one call, and covers all that is in it', () => {
    const { attention, ...others } = calls(deepseek, decode(16, 999));
    expect(attention).toMatchObject([
      {
        call: { family: 'latent-layer', heads: 128, index: null, sequences: 16, cachedTokens: 999 },
        times: 61,
        follows: 'sequences',
      },
    ]);
    for (const name of ['qkv_a_proj', 'q_b_proj', 'q_absorb', 'v_absorb', 'o_proj', 'kv_a_norm'])
      expect(others[name]).toEqual([]);
    expect(others.attn_norm).not.toEqual([]);
    expect(others.experts).toMatchObject([{ call: { family: 'experts', count: 256 }, times: 58 }]);
  });

  test('where tables have its kernels, each is a call', () => {
    const step = calls(deepseek, decode(16, 999), parts);
    expect(step.attention).toMatchObject([{ call: { family: 'latent', way: 'absorbed', kvRank: 512 } }]);
    expect(step.q_absorb).toMatchObject([
      { call: { family: 'head-product', heads: 128, rows: 16, inputs: 128, outputs: 512 } },
    ]);
    expect(step.v_absorb).toMatchObject([{ call: { inputs: 512, outputs: 128 } }]);
    expect(step.o_proj).toMatchObject([{ call: { family: 'product', inputs: 16384, outputs: 7168 } }]);
    const prompt = calls(deepseek, prefill(512, 256), parts);
    expect(prompt.attention).toMatchObject([{ call: { way: 'naive', newTokens: 512, cachedTokens: 256 } }]);
    // Keys and values of the tokens before are made again.
    expect(prompt.kv_b_proj).toMatchObject([{ call: { family: 'product', rows: 768 } }]);
    expect(prompt.q_absorb).toBeUndefined();
  });

  test('a layer that chooses tokens is one call whatever tables have', () => {
    const { attention, index_scores } = calls(published('glm-5'), decode(8, 4095), parts);
    expect(attention).toMatchObject([
      {
        call: { family: 'latent-layer', index: { heads: 32, headLength: 128, chosen: 2048, computed: true } },
        times: 78,
      },
    ]);
    expect(index_scores).toEqual([]);
  });

  test('a mixed batch asks for decodes and chunks of linear attention', () => {
    const batch = [
      { sequences: 8, newTokens: 1, cachedTokens: 511 },
      { sequences: 1, newTokens: 512, cachedTokens: 0 },
    ];
    const found = calls(published('qwen3.5-397b-a17b'), { phase: 'decode', batch });
    expect(found.delta_rule).toMatchObject([
      { call: { kernel: 'recurrence', phase: 'decode', keyHeads: 16, valueHeads: 64 }, times: 45 },
      { call: { kernel: 'recurrence', phase: 'prefill', newTokens: 512 }, times: 45 },
    ]);
    expect(found.convolution).toMatchObject([{ call: { kernel: 'convolution' } }, {}]);
    expect(found.qkvz_proj).toMatchObject([{ call: { rows: 520, outputs: 12288 + 8192 } }]);
    expect(Object.values(found)).not.toContain(undefined);
  });
});

describe('what a quantizer left out', () => {
  const bitsOf = (model: ModelArchitecture) => {
    const { attention, feedForward } = model.layers.at(-1)!;
    return [attention.output.bits, feedForward.up.bits, feedForward.experts?.sharedStored?.bits];
  };

  test('keeps its bits: Kimi-K2.5 has its chosen experts alone in 4', () => {
    const model = published('kimi-k2.5');
    expect(bitsOf(model)).toEqual([16, 4.5, 16]);
    // Its first layer has no experts.
    expect(model.layers[0]?.feedForward.up.bits).toBe(16);
    expect(sizeOf(model).bytes / 1e9).toBeCloseTo(594.2, 1);
  });

  test("by ModelOpt's list, module by module", () => {
    const deepseek = {
      ...COMMON,
      model_type: 'deepseek_v3',
      q_lora_rank: 12,
      kv_lora_rank: 10,
      qk_nope_head_dim: 6,
      qk_rope_head_dim: 4,
      v_head_dim: 8,
    };
    const exclude_modules = ['lm_head', 'model.layers.0.self_attn.q_a_proj', 'model.layers.0.self_attn.kv*'];
    const model = read({ ...deepseek, quantization_config: { quant_algo: 'NVFP4', exclude_modules } });
    expect(model.layers[0]?.attention).toMatchObject({
      downQuery: { bits: 16 },
      upQuery: { bits: 4.5 },
      downKeyValue: { bits: 16 },
      upValue: { bits: 16 },
      output: { bits: 4.5 },
    });
    const mixed = { ...deepseek, quantization_config: { quant_algo: 'MIXED_PRECISION' } };
    expect(architectureFromConfig(mixed)).toMatchObject({
      ok: false,
      reason: 'the config is quantized by ModelOpt\'s "MIXED_PRECISION", whose bits are not known',
    });
  });

  test('a name stands for whole parts of modules alone', () => {
    const config = {
      ...COMMON,
      model_type: 'minimax_m2',
      num_local_experts: 4,
      num_experts_per_tok: 2,
      quantization_config: {
        quant_method: 'fp8',
        modules_to_not_convert: ['gate', 'model.layers.*.self_attn'],
      },
    };
    expect(bitsOf(read(config))).toEqual([16, 8, undefined]);
  });

  test.each([
    ['re:(', 'it is no regular expression'],
    ['re:([a-z]+.)+X', 'it may take too long to match'],
    ['re:.*a.*b.*c.*d.*e', 'it may take too long to match'],
    ['a*b*c*d*e*f', 'it may take too long to match'],
  ])('%s is refused, for a config may be a stranger’s', (pattern, why) => {
    const config = {
      ...COMMON,
      model_type: 'minimax_m2',
      num_local_experts: 4,
      num_experts_per_tok: 2,
      quantization_config: { quant_method: 'fp8', modules_to_not_convert: [pattern] },
    };
    expect(architectureFromConfig(config)).toMatchObject({ ok: false, reason: expect.stringContaining(why) });
  });
});
