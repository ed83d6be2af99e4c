import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../../core/work/model-size.js';
import { FLASH, type PassRequest, UNFUSED } from '../../../core/work/pass/setting.js';
import { passWork } from '../../../core/work/pass-work.js';
import type { OperatorWork } from '../../../core/work/work.js';
import { sparseWeights } from '../../../roofline/analysis/sparsity-word.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { analyzeAsLlmViewer } from '../../../roofline/llm-viewer/analyze.js';
import { LLM_VIEWER_HARDWARE } from '../../../roofline/llm-viewer/hardware.js';
import type { LlmViewerSetting } from '../../../roofline/llm-viewer/setting.js';
import { speculativeStep } from '../../../roofline/speculative.js';
import { type LlmViewerConfig, readLlmViewerModel } from '../../support/llm-viewer-model.js';
import { sound } from '../../support/reading.js';

/**
 * Both modes on the same question: what LLM-Viewer says, and what is so. Figures are of one layer unless they
 * say more.
 */

const LLAMA_2_7B = {
  hidden_size: 4096,
  intermediate_size: 11_008,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  num_hidden_layers: 32,
  vocab_size: 32_000,
};
const LLAMA_2_70B = {
  ...LLAMA_2_7B,
  hidden_size: 8192,
  intermediate_size: 28_672,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  num_hidden_layers: 80,
};

function viewer(
  setting: Partial<LlmViewerSetting>,
  parameters: Readonly<Record<string, unknown>> = LLAMA_2_7B,
  config: LlmViewerConfig = 'Llama',
) {
  return analyzeAsLlmViewer(
    readLlmViewerModel(config, parameters),
    LLM_VIEWER_HARDWARE.get('nvidia_A100_80G')!,
    {
      batch: 1,
      sequence: 4096,
      weightBits: 16,
      activationBits: 16,
      cacheBits: 16,
      flashAttention: false,
      tensorParallel: 1,
      ...setting,
    },
  );
}
const rowOf = (stage: ReturnType<typeof viewer>['prefill'], name: string) =>
  stage.layer.find((row) => row.name === name)!;

function architecture(name: string) {
  return sound(namedArchitecture(name)).architecture;
}

/** One layer's share of an operator. */
function ours(name: string, operator: string, request: Partial<PassRequest> = {}): OperatorWork {
  const work = passWork(architecture(name), {
    phase: 'prefill',
    batch: [{ sequences: 1, newTokens: 4096, cachedTokens: 0 }],
    ...request,
  });
  const found = work.operators.find((one) => one.name === operator)!;
  const share = (value: number) => value / found.calls;
  return {
    ...found,
    flops: share(found.flops),
    linkBytes: share(found.linkBytes),
    traffic: Object.fromEntries(
      Object.entries(found.traffic).map(([kind, bytes]) => [kind, share(bytes)]),
    ) as unknown as OperatorWork['traffic'],
  };
}
const decodeAt = (context: number, sequences = 1): Partial<PassRequest> => ({
  phase: 'decode',
  batch: [{ sequences, newTokens: 1, cachedTokens: context - 1 }],
});

describe('defects of LLM-Viewer (algorithms by its own code) and what corrected mode counts instead', () => {
  test('1. flash attention writes a vector for each query and head, not a row of scores', () => {
    const claimed = rowOf(viewer({ flashAttention: true }).prefill, 'fused_attention').storeActivation;
    expect(claimed).toBe(2 * 4096 * 4096 * 32 * 2);
    expect(ours('llama-2-7b', 'attention').traffic.activationsWritten).toBe(4096 * 32 * 128 * 2);
  });

  test('2. the queries of all heads are read, not those of as many as there are K/V heads', () => {
    const row = rowOf(viewer({}, LLAMA_2_70B).prefill, 'qk_matmul');
    expect(row.loadActivation).toBe(4096 * 8 * 128 * 2);
    const { traffic } = ours('llama-2-70b', 'qk_matmul', { attention: UNFUSED });
    expect(traffic.activationsRead).toBe(4096 * 64 * 128 * 2);
    expect(traffic.cacheRead).toBe(row.loadCache);
  });

  test('3. the activation works on the width of the feed-forward', () => {
    const row = rowOf(viewer({}).prefill, 'mlp_act');
    expect(row.operations).toBe(2 * 4096 * 4096);
    const counted = ours('llama-2-7b', 'mlp_act');
    expect(counted.flops).toBe(5 * 11_008 * 4096);
    expect(counted.traffic.activationsRead / row.loadActivation).toBe(11_008 / 4096);
  });

  test('4. the output matrix multiplies and adds, for every sequence; it is in memory, like the embedding', () => {
    const { decode } = viewer({ batch: 8 });
    expect(decode.head.operations).toBe(8 * 4096 * 32_000);
    expect(decode.head.storeActivation).toBe(32_000 * 2);
    const head = ours('llama-2-7b', 'lm_head', decodeAt(4096, 8));
    expect(head.flops).toBe(2 * 8 * 4096 * 32_000);
    expect(head.traffic.activationsWritten).toBe(8 * 32_000 * 2);
    const missing = sizeOf(architecture('llama-2-7b')).bytes - decode.totals.memory.weights;
    // Embedding, output, and the norms: two a layer and one behind.
    expect(missing).toBe(2 * (2 * 4096 * 32_000 + 65 * 4096));
  });

  test('4. positions, biases, the weights of norms and both operands of a sum are counted', () => {
    const rows = viewer({}).prefill.layer.map(({ name }) => name);
    expect(rows).not.toContain('rope');
    expect(ours('llama-2-7b', 'rope').flops).toBe(3 * 2 * 4096 * 4096);
    const biased = ours('qwen2.5-7b', 'q_proj');
    expect(biased.flops).toBe(2 * 3584 * 3584 * 4096 + 3584 * 4096);
    expect(rowOf(viewer({}).prefill, 'attn_norm').loadWeight).toBe(0);
    expect(ours('llama-2-7b', 'attn_norm').traffic.weightsRead).toBe(2 * 4096);
    expect(rowOf(viewer({}).prefill, 'attn_add').loadActivation).toBe(2 * 4096 * 4096);
    expect(ours('llama-2-7b', 'attn_add').traffic.activationsRead).toBe(2 * (2 * 4096 * 4096));
  });

  test('5. OPT has no gate: 6.7, not 8.8 billion parameters', () => {
    const parameters = {
      hidden_size: 4096,
      ffn_dim: 16_384,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      vocab_size: 50_272,
    };
    const theirs = viewer({}, parameters, 'opt').prefill.totals.memory.weights / 2;
    expect(theirs + 50_272 * 4096).toBeGreaterThan(8.7e9);
    expect(sizeOf(architecture('opt-6.7b')).parameters).toBe(6_658_473_984);
    expect(() =>
      ours('opt-6.7b', 'gate_proj', { batch: [{ sequences: 1, newTokens: 9, cachedTokens: 0 }] }),
    ).toThrow();
  });

  test('6. tensor parallelism shares out attention and its cache, and has to add up what it shared', () => {
    const whole = rowOf(viewer({ tensorParallel: 1 }, LLAMA_2_70B).decode, 'qk_matmul');
    const shared = rowOf(viewer({ tensorParallel: 4 }, LLAMA_2_70B).decode, 'qk_matmul');
    expect(shared.loadCache).toBe(whole.loadCache);
    const parallelism = { tensor: 4, pipeline: 1, expert: 1 };
    const counted = (tensor: number) =>
      ours('llama-2-70b', 'attention', { ...decodeAt(4096), parallelism: { ...parallelism, tensor } });
    expect(counted(4).traffic.cacheRead).toBe(counted(1).traffic.cacheRead / 4);
    expect(counted(4).flops).toBe(counted(1).flops / 4);
    // A ring sends 2 · 3/4 of the message; behind attention and behind the feed-forward, and once for the
    // embedding.
    const reduced = ours('llama-2-70b', 'all_reduce', { ...decodeAt(4096, 8), parallelism });
    expect(reduced.calls).toBe(2 * 80 + 1);
    expect(reduced.linkBytes).toBe(2 * (3 / 4) * 8 * 8192 * 2);
    // More devices than K/V heads repeat them.
    expect(counted(16).traffic.cacheRead).toBe(counted(8).traffic.cacheRead);
  });

  test('7. a causal mask halves the pairs; prompt and context are two numbers; batches may be mixed', () => {
    const row = rowOf(viewer({ flashAttention: true }).prefill, 'fused_attention');
    const counted = ours('llama-2-7b', 'attention').flops + ours('llama-2-7b', 'softmax').flops;
    expect(counted / row.operations).toBeCloseTo(0.5, 3);
    const chunk = ours('llama-2-7b', 'attention', {
      batch: [{ sequences: 1, newTokens: 512, cachedTokens: 3584 }],
    });
    expect(chunk.flops).toBe(4 * 32 * 128 * (512 * 3584 + (512 * 513) / 2));
    const mixed = ours('llama-2-7b', 'q_proj', {
      batch: [
        { sequences: 1, newTokens: 512, cachedTokens: 0 },
        { sequences: 7, newTokens: 1, cachedTokens: 1000 },
      ],
    });
    expect(mixed.flops).toBe(2 * 4096 * 4096 * 519);
  });

  test('8. heads are as wide as the model says, layers see windows, experts are read as they are chosen', () => {
    const parameters = { ...LLAMA_2_7B, hidden_size: 1024, num_attention_heads: 16, num_key_value_heads: 8 };
    expect(rowOf(viewer({}, parameters).prefill, 'q_proj').loadWeight).toBe(2 * 1024 * 1024);
    expect(ours('qwen3-0.6b', 'q_proj').traffic.weightsRead).toBe(2 * 1024 * 2048);
    const windowed = ours('mistral-7b', 'attention', decodeAt(16_384));
    expect(windowed.traffic.cacheRead).toBe(4096 * 2 * 8 * 128 * 2);
    const expert = ours('mixtral-8x7b', 'expert_up_proj', decodeAt(1024, 4));
    expect(expert.flops).toBe(2 * 4096 * 14_336 * 2 * 4);
    expect(expert.traffic.weightsRead / (2 * 4096 * 14_336)).toBeCloseTo(8 * (1 - (6 / 8) ** 4), 10);
  });

  test('8. speculative decoding: one pass over all that was proposed', () => {
    const target = architecture('llama-2-7b');
    const step = speculativeStep(
      target,
      architecture('tinyllama-1.1b'),
      { phase: 'decode', batch: [{ sequences: 1, newTokens: 1, cachedTokens: 1000 }] },
      { draftTokens: 4, acceptance: 0.8 },
    );
    expect(step.draft).toHaveLength(4);
    expect(step.expectedTokens).toBeCloseTo(1 + 0.8 + 0.8 ** 2 + 0.8 ** 3 + 0.8 ** 4, 12);
    const head = step.verify.operators.find(({ name }) => name === 'lm_head')!;
    expect(head.flops).toBe(2 * 4096 * 32_000 * 5);
    // The weights are read once for five tokens.
    expect(head.traffic.weightsRead).toBe(2 * 4096 * 32_000);
  });

  test('9. bits count scales, expanding them is work, and each operator has the arithmetic of its own', () => {
    expect(rowOf(viewer({ weightBits: 4 }).decode, 'q_proj').loadWeight).toBe(4096 * 4096 * 0.5);
    const weights = { bits: 4 + 20 / 128, valueBits: 4, density: 1 };
    const counted = ours('llama-2-7b', 'q_proj', { ...decodeAt(4096), weights });
    expect(counted.traffic.weightsRead).toBe((4096 * 4096 * (4 + 20 / 128)) / 8);
    const expanded = ours('llama-2-7b', 'dequantize', { ...decodeAt(4096), weights });
    expect(expanded.flops).toBe(2 * ((4 * 4096 * 4096 + 3 * 4096 * 11_008) / 7));
    // LLM-Viewer multiplies in int8 only when the cache is in 8 bits, too; here the cache is none of a
    // matrix's business.
    const arithmetic = { matrix: 'f16', quantizedMatrix: 'int8', attention: 'f16', vector: 'f32' } as const;
    const int8 = { ...decodeAt(4096), weights: { bits: 8.25, valueBits: 8, density: 1 }, arithmetic };
    expect(viewer({ weightBits: 8, activationBits: 8, cacheBits: 16 }).roof.operationsPerSecond).toBe(312e12);
    expect(ours('llama-2-7b', 'q_proj', int8).arithmetic).toBe('int8');
    expect(ours('llama-2-7b', 'attention', int8).arithmetic).toBe('f16');
  });

  test('9. pruned weights cost what their format keeps', () => {
    expect(sparseWeights('bitmap', 16, 0.5).bits).toBe(9);
    expect(sparseWeights('bitmap', 16, 0.7).bits).toBeCloseTo(5.8, 12);
    expect(sparseWeights('2:4', 16, 0.5).bits).toBe(9);
    expect(sparseWeights('csr', 16, 0.5).bits).toBe(16);
    const half = ours('llama-2-7b', 'q_proj', {
      ...decodeAt(4096),
      weights: sparseWeights('bitmap', 16, 0.5),
    });
    expect(half.traffic.weightsRead).toBe((4096 * 4096 * 9) / 8);
    expect(half.flops).toBe(4096 * 4096);
  });
});

describe('latent attention, counted by hand (DeepSeek-V3)', () => {
  const latent = (way: 'naive' | 'absorbed', request: Partial<PassRequest>) =>
    passWork(architecture('deepseek-v3'), {
      phase: 'decode',
      batch: [],
      ...request,
      attention: { ...FLASH, latent: way },
    });
  const layerOf = (work: ReturnType<typeof latent>, name: string) =>
    work.operators.find((one) => one.name === name)!;

  test('absorbed: 2176 FLOPs a pair and head, the cache read once for all heads', () => {
    const attention = layerOf(latent('absorbed', decodeAt(4096)), 'attention');
    expect(attention.flops).toBe(61 * 4096 * 128 * 2176);
    expect(attention.traffic.cacheRead).toBe(61 * 4096 * 576 * 2);
    const absorbed = layerOf(latent('absorbed', decodeAt(4096)), 'q_absorb');
    expect(absorbed.flops).toBe(61 * 2 * 128 * 128 * 512);
  });

  test('naive: 640 FLOPs a pair and head, and keys and values made of all that is cached', () => {
    const work = latent('naive', decodeAt(4096));
    expect(layerOf(work, 'attention').flops).toBe(61 * 4096 * 128 * 640);
    expect(layerOf(work, 'kv_b_proj').flops).toBe(61 * 2 * 512 * 128 * 256 * 4096);
  });

  test('the cheaper way changes over at 171 queries that share what was made', () => {
    const cost = (way: 'naive' | 'absorbed', queries: number) => {
      const work = latent(way, {
        phase: 'prefill',
        batch: [{ sequences: 1, newTokens: queries, cachedTokens: 100_000 }],
      });
      return ['attention', 'kv_b_proj', 'q_absorb', 'v_absorb'].reduce(
        (sum, name) => sum + (work.operators.find((one) => one.name === name)?.flops ?? 0),
        0,
      );
    };
    expect(cost('naive', 169)).toBeGreaterThan(cost('absorbed', 169));
    expect(cost('naive', 173)).toBeLessThan(cost('absorbed', 173));
  });

  test('the latent cache is on every device of a tensor-parallel group', () => {
    const cacheRead = (tensor: number) =>
      layerOf(
        latent('absorbed', { ...decodeAt(4096), parallelism: { tensor, pipeline: 1, expert: 1 } }),
        'attention',
      ).traffic.cacheRead;
    expect(cacheRead(8)).toBe(cacheRead(1));
  });
});

describe('native sparse attention, counted by hand', () => {
  const dense = architecture('llama-3.1-8b');
  const [group] = dense.layers as [(typeof dense.layers)[number]];
  const sparse = { compressBlock: 32, compressStride: 16, selectBlock: 64, selectCount: 16, window: 512 };
  const model = {
    ...dense,
    layers: [{ ...group, attention: { ...group.attention, sparse } as typeof group.attention }],
  };
  for (const [context, tokens] of [
    [8192, 511 + 1024 + 512],
    [65_536, 4095 + 1024 + 512],
  ] as const) {
    test(`a step at ${context} reads ${tokens} tokens`, () => {
      const work = passWork(model, {
        phase: 'decode',
        batch: [{ sequences: 1, newTokens: 1, cachedTokens: context - 1 }],
      });
      const attention = work.operators.find(({ name }) => name === 'attention')!;
      expect(attention.flops).toBe(32 * 4 * 32 * 128 * tokens);
      expect(attention.traffic.cacheRead).toBe(32 * tokens * 8 * 256 * 2);
    });
  }
});

describe('beside the weights', () => {
  test('an adapter that is not merged: 2 r (in + out) FLOPs a token and its weights', () => {
    const adapter = { rank: 16, targets: ['q_proj'], bits: 16, distinct: 3 };
    const request = { ...decodeAt(100, 8), adapter };
    expect(ours('llama-2-7b', 'q_proj.lora_a', request)).toMatchObject({
      flops: 2 * 8 * 16 * 4096,
      traffic: { weightsRead: 3 * 16 * 4096 * 2 },
    });
    expect(ours('llama-2-7b', 'q_proj.lora_b', request).flops).toBe(2 * 8 * 16 * 4096);
  });

  test('layers that are kept elsewhere come over the link, every pass', () => {
    const work = ours('llama-2-7b', 'fetch_weights', { ...decodeAt(100), offloadedLayers: 0.5 });
    expect(work.linkBytes).toBe(16 * 2 * (4 * 4096 ** 2 + 3 * 4096 * 11_008 + 2 * 4096));
  });

  test('experts on devices of their own: tokens travel, each device reads its share', () => {
    const parallelism = { tensor: 1, pipeline: 1, expert: 8 };
    const request = { ...decodeAt(100, 4), parallelism };
    const sent = ours('mixtral-8x7b', 'all_to_all', request);
    expect(sent.linkBytes).toBe(2 * 4 * 2 * 4096 * 2 * (7 / 8));
    const expert = ours('mixtral-8x7b', 'expert_up_proj', request);
    // Eight replicas of the attention bring 32 tokens, each device computes an eighth of their choices.
    expect(expert.flops).toBe(2 * 4096 * 14_336 * 2 * 4);
    expect(expert.traffic.weightsRead / (2 * 4096 * 14_336)).toBeCloseTo(1 - (6 / 8) ** 32, 10);
  });

  test('what contradicts itself is refused in a sentence', () => {
    const ask = (request: Partial<PassRequest>) => () =>
      ours('llama-2-70b', 'q_proj', { ...decodeAt(10), ...request });
    const parallelism = { tensor: 1, pipeline: 1, expert: 1 };
    expect(ask({ parallelism: { ...parallelism, tensor: 3 } })).toThrow(
      /64 attention heads cannot be shared evenly by 3/,
    );
    expect(ask({ parallelism: { ...parallelism, pipeline: 81 } })).toThrow(
      /81 pipeline stages for 80 layers/,
    );
    expect(ask({ parallelism: { ...parallelism, expert: 2 } })).toThrow(/needs a model with experts/);
    expect(ask({ cacheBits: { key: 0, value: 16 } })).toThrow(/cached keys of 0 bits/);
    expect(ask({ offloadedLayers: 2 })).toThrow(/share of 2 of the layers/);
  });
});
