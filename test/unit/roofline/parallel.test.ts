import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import { stagesOf } from '../../../core/work/pass/stages.js';
import { NO_TRAFFIC, type PassWork } from '../../../core/work/work.js';
import type { Analysis, AnalysisRow } from '../../../roofline/analysis/analysis.js';
import { type AnalysisPoint, POINT_DEFAULTS } from '../../../roofline/analysis/point.js';
import { analyzeAll } from '../../../roofline/analyze.js';
import type { Ceilings } from '../../../roofline/ceilings.js';
import { placePipeline } from '../../../roofline/pipeline.js';
import { denseArchitecture } from '../../support/architectures.js';
import { forAll } from '../../support/for-all.js';

/**
 * 4 layers, h 8, 2 heads of 4, 1 K/V head, f 16, 32 tokens; 16 bits everywhere. A layer has 592 weights: 1184
 * bytes.
 */
const dense = denseArchitecture({
  layers: 4,
  embedding: 8,
  heads: 2,
  kvHeads: 1,
  headLength: 4,
  feedForward: 16,
  vocabulary: 32,
});

/** The same with 4 experts of 384 weights instead, 2 of them for each token, and a router of 32. */
const mixture: ModelArchitecture = {
  ...dense,
  layers: dense.layers.map((group) => ({
    ...group,
    feedForward: {
      ...group.feedForward,
      experts: {
        count: 4,
        usedPerToken: 2,
        sharedWidth: 0,
        sharedGate: false,
        router: { inputs: 8, outputs: 4, bits: 16, bias: false },
      },
    },
  })),
};

/** So fast at arithmetic that bytes decide: 100 of memory, 10 between peers, 5 from the host in a second. */
const device: Ceilings = {
  name: 'slow-memory',
  origin: 'published',
  memoryBytesPerSecond: 100,
  peaks: { f16: 1e15, f32: 1e15 },
  peerBytesPerSecond: 10,
  hostBytesPerSecond: 5,
  memoryBytes: 4000,
};

const opened = {
  models: new Map([
    ['dense', dense],
    ['mixture', mixture],
  ]),
  ceilings: new Map([
    ['device', device],
    ['a6000', device],
    ['alone', { ...device, peerBytesPerSecond: null, hostBytesPerSecond: null }],
  ]),
};

function ask(rest: Partial<AnalysisPoint>) {
  return analyzeAll([{ ...POINT_DEFAULTS, model: 'dense', hardware: 'device', context: 3, ...rest }], opened);
}

function analysisOf(rest: Partial<AnalysisPoint>): Analysis {
  const { analyses, impossible } = ask(rest);
  if (analyses[0] === undefined) throw new Error(impossible[0]?.reason);
  return analyses[0];
}

const reasonOf = (rest: Partial<AnalysisPoint>) => ask(rest).impossible[0]?.reason;

function row({ rows }: Analysis['decode'], name: string): AnalysisRow {
  const found = rows.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no ${name} in ${rows.map((one) => one.name).join(', ')}`);
  return found;
}

describe('pipeline stages, counted by hand', () => {
  const two = { batch: 4, pipelineParallel: 2, microBatches: 2 };

  test('a step is as long as its way, or as the turns of the slowest stage', () => {
    const { decode, devices } = analysisOf(two);
    expect(devices).toBe(2);
    // A micro-batch of 2 sequences hands on 2 · 8 elements of 2 bytes; there are two of them.
    expect(row(decode, 'send')).toMatchObject({ calls: 2, linkBytes: 64, bound: 'link' });
    expect(row(decode, 'send').linkSeconds).toBeCloseTo(6.4, 9);
    // Bytes of a layer for 2 sequences at 3 tokens. Norms: 2 · (16 + 64). q, k, v, o: 192 + 112 + 112 + 192.
    // RoPE 96, cache 64, attention 2 · 3 · 8 · 2 + 64. gate, up, down 3 · 352, SwiGLU 192, additions 2 · 96.
    const layer = 160 + 608 + 96 + 64 + 160 + 1056 + 192 + 192;
    // The first stage embeds (32 in, 32 out) and sends (64 through memory, 32 over the link); the second has
    // norm and output.
    const first = (2 * layer + 64 + 64) / 100 + 32 / 10;
    const second = (2 * layer + 80 + 512 + 32 + 128) / 100;
    expect(decode.seconds).toBeCloseTo(Math.max(first + second, 2 * second), 9);
    expect(decode.idleShare).toBeCloseTo(1 - (first + second) / (2 * second), 9);
    expect(decode.tokensPerSecond).toBeCloseTo(4 / (2 * second), 9);
    expect(decode.linkSeconds).toBeCloseTo(6.4, 9);
  });

  test('the fullest device holds its layers, its end of the vocabulary and the cache of all micro-batches', () => {
    const { memory } = analysisOf(two);
    expect(memory).toMatchObject({
      // 2 layers, the output matrix and the last norm.
      weights: 2 * 1184 + 512 + 16,
      // 2 layers, 4 sequences of 3 tokens, K and V of 4 elements.
      kvCache: 2 * 4 * 3 * 8 * 2,
      // 6 tokens of a micro-batch: residual, norm, gate, up.
      activations: 6 * 2 * (8 + 8 + 16 + 16),
      activationsAt: 'up_proj',
      fits: true,
    });
    expect(analysisOf({ batch: 4 }).memory.fits).toBe(false);
  });

  test('without micro-batches stages wait for one another: as fast as one device, and what is sent on top', () => {
    const one = analysisOf({ batch: 4 });
    const staged = analysisOf({ batch: 4, pipelineParallel: 4 });
    for (const phase of ['prefill', 'decode'] as const) {
      const sent = row(staged[phase], 'send').seconds;
      expect(staged[phase].seconds).toBeCloseTo(one[phase].seconds + sent, 9);
      expect(staged[phase].idleShare).toBeCloseTo(3 / 4, 9);
    }
  });

  test('p even stages are idle for (p - 1)/(m + p - 1) of a prefill', () => {
    forAll(100, [fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 64 })], (stages, parts) => {
      const stage: PassWork = {
        phase: 'prefill',
        operators: [
          {
            name: 'q_proj',
            module: 'qkv',
            class: 'matmul',
            arithmetic: 'f16',
            calls: 1,
            flops: 0,
            traffic: { ...NO_TRAFFIC, weightsRead: 100 },
            linkBytes: 0,
          },
        ],
      };
      const all = Array.from({ length: stages }, () => stage);
      const prefill = placePipeline(all, parts, device);
      expect(prefill.seconds).toBeCloseTo(parts + stages - 1, 9);
      expect(prefill.idleShare).toBeCloseTo((stages - 1) / (parts + stages - 1), 9);
      const decode = all.map((one) => ({ ...one, phase: 'decode' as const }));
      expect(placePipeline(decode, parts, device).seconds).toBeCloseTo(Math.max(stages, parts), 9);
    });
  });

  test('layers are cut as even as they come, in order, and none is lost', () => {
    const layers = [3, 1, 5].map((count) => ({ ...dense.layers[0]!, count }));
    const counts = (stages: number) =>
      stagesOf({ layers }, stages).map((stage) => stage.layers.map(({ count }) => count));
    expect(counts(1)).toEqual([[3, 1, 5]]);
    expect(counts(2)).toEqual([[3, 1, 1], [4]]);
    expect(counts(4)).toEqual([[3], [1, 1], [2], [2]]);
  });
});

describe('experts on devices of their own, counted by hand', () => {
  test('each group brings its share of the batch, tokens travel there and back', () => {
    const { decode, devices, memory } = analysisOf({ model: 'mixture', batch: 4, expertParallel: 2 });
    expect(devices).toBe(2);
    // 2 sequences of a group: 2 tokens · 2 experts · 8 elements of 2 bytes, half of them on the other device,
    // there and back; 4 layers.
    expect(row(decode, 'all_to_all')).toMatchObject({ calls: 4, linkBytes: 4 * 2 * 2 * 2 * 8 * 2 * (1 / 2) });
    expect(row(decode, 'all_to_all').linkSeconds).toBeCloseTo(25.6, 9);
    // 4 tokens meet: 4 · (1 - (1 - 2/4)^4) = 3.75 different experts, half of them here; and half of the 8
    // choices.
    expect(row(decode, 'expert_up_proj')).toMatchObject({
      flops: 4 * 2 * 8 * 16 * 4,
      traffic: { weightsRead: 4 * (3.75 / 2) * 8 * 16 * 2 },
    });
    // The attention is for the group's own sequences.
    expect(row(decode, 'q_proj').flops).toBe(4 * 2 * 8 * 8 * 2);
    expect(decode.tokensPerSecond).toBeCloseTo(4 / decode.seconds, 9);
    // 592 - 384 weights of a layer, a router of 32, 2 experts of 384; 528 of the vocabulary.
    expect(memory.weights).toBe(2 * (4 * (592 - 384 + 32 + 2 * 384) + 32 * 8 + 32 * 8 + 8));
    expect(memory.kvCache).toBe(4 * 2 * 3 * 8 * 2);
  });

  test('where matrices are shared by the same devices, there is one group', () => {
    const { decode, devices, memory } = analysisOf({
      model: 'mixture',
      batch: 1,
      tensorParallel: 2,
      expertParallel: 2,
    });
    expect(devices).toBe(2);
    expect(row(decode, 'all_to_all').linkBytes).toBe((4 * 2 * 2 * 8 * 2 * (1 / 2)) / 2);
    // Of a prompt of 3 tokens a device computes half of the 6 choices: residual and norm of 8, gate and up
    // of 16.
    expect(memory.activations).toBe(2 * 3 * (8 + 8 + 16 + 16));
    // Behind the attention a token's residual: 2 (p - 1)/p of 16 bytes, in 4 layers, and that of the
    // embedding.
    expect(row(decode, 'all_reduce').linkBytes).toBe(5 * 16);
  });

  test('measured routing takes the place of what is expected', () => {
    const { decode } = analysisOf({ model: 'mixture', batch: 4, distinctExperts: 2.5 });
    expect(row(decode, 'expert_up_proj').traffic.weightsRead).toBe(4 * 2.5 * 8 * 16 * 2);
  });
});

describe('weights with the host, counted by hand', () => {
  test('come over its link in every pass, in the bits that they are stored in', () => {
    const { decode, memory } = analysisOf({ offload: 0.5 });
    expect(row(decode, 'fetch_weights')).toMatchObject({ linkBytes: 2 * 1184, bound: 'link' });
    expect(row(decode, 'fetch_weights').linkSeconds).toBeCloseTo((2 * 1184) / 5, 9);
    // Half of the layers, and room for one that comes.
    expect(memory.weights).toBe(3 * 1184 + 512 + 512 + 16);
    const four = analysisOf({ offload: 0.5, bits: 'w4a16' });
    expect(row(four.decode, 'fetch_weights').linkBytes).toBe((2 * 1184) / 4);
  });

  test('are fetched by each stage, and of spread experts each device fetches its own', () => {
    const staged = analysisOf({ offload: 0.5, pipelineParallel: 2 });
    expect(row(staged.decode, 'fetch_weights')).toMatchObject({ calls: 2, linkBytes: 2 * 1184 });
    const spread = analysisOf({ model: 'mixture', offload: 1, batch: 2, expertParallel: 2 });
    expect(row(spread.decode, 'fetch_weights').linkBytes).toBe(2 * 4 * (592 - 384 + 32 + 2 * 384));
  });
});

describe('what runs beside or instead of dense weights', () => {
  test.each([
    // Bits of a weight: half of 16 and 1 of place; 1 of the mask and half of 16; (16 + 16) / 5.
    ['2:4', 9, 0.5],
    ['bitmap:0.5', 9, 0.5],
    ['csr:0.8', 6.4, 0.2],
  ])('%s', (sparsity, bits, density) => {
    const { decode } = analysisOf({ sparsity });
    expect(row(decode, 'q_proj').traffic.weightsRead).toBeCloseTo((4 * 64 * bits) / 8, 9);
    expect(row(decode, 'q_proj').flops).toBeCloseTo(4 * 2 * 64 * density, 9);
  });

  test('adapters: a pass reads those of its sequences, memory holds all', () => {
    const plain = analysisOf({ batch: 2 });
    const { decode, memory } = analysisOf({ batch: 2, adapterRank: 2, adapters: 5 });
    expect(row(decode, 'q_proj.lora_a').traffic.weightsRead).toBe(4 * 2 * (8 * 2) * 2);
    // r (in + out) of q, k, v, o and gate, up, down.
    const numbers = 2 * (16 + 12 + 12 + 16 + 3 * 24);
    expect(memory.weights - plain.memory.weights).toBe(4 * 5 * numbers * 2);
  });

  test('types of the cache', () => {
    const kvCache = (rest: Partial<AnalysisPoint>) => analysisOf(rest).memory.kvCache;
    // 34 bytes for 32 elements, and 18.
    expect(kvCache({ kvCacheTypeK: 'q8_0', kvCacheTypeV: 'q4_0' })).toBe(4 * 3 * 4 * (34 / 32 + 18 / 32));
    expect(kvCache({ kvCacheTypeV: 'f32' })).toBe(4 * 3 * 4 * (2 + 4));
  });

  test('a mixed batch: a chunk of a prompt with sequences that decode', () => {
    const { prefill } = analysisOf({ promptTokens: 2, decodes: 4 });
    expect(row(prefill, 'q_proj').flops).toBe(4 * 2 * 64 * (2 + 4));
    // The chunk: 2 queries over 2 and 3 keys; those that decode: 3 keys each. 2 heads · (4 + 4) · 2.
    expect(row(prefill, 'attention').flops).toBe(4 * 2 * 2 * 8 * (2 + 3 + 4 * 3));
    expect(row(prefill, 'lm_head').flops).toBe(2 * 8 * 32 * (1 + 4));
    expect(prefill.tokensPerSecond).toBeCloseTo(6 / prefill.seconds, 9);
  });

  test('attention that the model does not have', () => {
    const cacheRead = (attention: string, context: number) =>
      row(analysisOf({ attention, context }).decode, 'attention').traffic.cacheRead;
    expect(cacheRead('kv-heads:2', 100)).toBe(2 * cacheRead('mqa', 100));
    expect(cacheRead('mqa', 100)).toBe(4 * 100 * 8 * 2);
    expect(cacheRead('window:10', 100)).toBe(4 * 10 * 8 * 2);
    // Every second of four layers sees all.
    expect(cacheRead('window:10?fullEvery=2', 100)).toBe(2 * (10 + 100) * 8 * 2);
    // 2048 tokens: (2048 - 32)/16 + 1 compressed keys, 16 blocks of 64, the last 512.
    expect(cacheRead('nsa', 2048)).toBe(4 * (127 + 1024 + 512) * 8 * 2);
  });
});

/** 12 heads share 4 of K/V: 3 devices can share the first and not the second. */
const uneven = denseArchitecture({
  layers: 1,
  embedding: 48,
  heads: 12,
  kvHeads: 4,
  headLength: 4,
  feedForward: 16,
  vocabulary: 32,
});
opened.models.set('uneven', uneven);

describe('what contradicts itself is refused in a sentence', () => {
  test.each([
    [{ pipelineParallel: 5 }, 'This pass is not possible: 5 pipeline stages for 4 layers.'],
    [
      { expertParallel: 2, batch: 2 },
      'This pass is not possible: expert parallelism needs a model with experts, and this one has none.',
    ],
    [
      { tensorParallel: 3 },
      'This pass is not possible: 2 attention heads cannot be shared evenly by 3 devices.',
    ],
    [
      { model: 'uneven', tensorParallel: 3 },
      'This pass is not possible: 4 key/value heads cannot be shared evenly by 3 devices, nor repeated.',
    ],
    [
      { model: 'mixture', expertParallel: 8, batch: 8 },
      'This pass is not possible: 4 experts cannot be spread evenly over 8 devices.',
    ],
    [
      { hardware: 'alone', offload: 0.5 },
      'alone has no published link to a host, and weights that are kept there have to come over one',
    ],
    [
      { model: 'mixture', expertParallel: 2, batch: 3 },
      '3 sequences cannot be shared evenly by 2 groups of devices with an attention of their own',
    ],
    [{ pipelineParallel: 2, microBatches: 2 }, '1 sequence cannot be shared evenly by 2 micro-batches'],
    [
      { batch: 2, decodes: 3, microBatches: 2 },
      '3 decoding sequences cannot be shared evenly by 2 micro-batches',
    ],
    [{ adapters: 2 }, '2 adapters of rank 0'],
    [
      { distinctExperts: 2 },
      'This pass is not possible: 2 different experts in a layer of a model that has none.',
    ],
    [
      { model: 'mixture', distinctExperts: 5 },
      'This pass is not possible: 5 different experts in a layer; give more than 0 and at most its 4.',
    ],
    [{ attention: 'kv-heads:3' }, '2 heads cannot share 3 key/value heads evenly'],
    [{ draft: 'dense', microBatches: 2, batch: 2 }, 'a draft and more than one micro-batch'],
    [
      { mode: 'llm-viewer', hardware: 'a6000', offload: 0.5 },
      'LLM-Viewer has no weights that are kept elsewhere',
    ],
    [{ mode: 'llm-viewer', hardware: 'a6000', pipelineParallel: 2 }, 'LLM-Viewer has no pipeline stages'],
    [{ mode: 'llm-viewer', hardware: 'a6000', sparsity: '2:4' }, 'LLM-Viewer has no sparse weights'],
  ] as const)('%j', (rest, reason) => {
    expect(reasonOf(rest)).toBe(reason);
  });

  test('a link whose rate nobody states is said, and has no time rather than none', () => {
    const { decode, notes } = analysisOf({ hardware: 'alone', tensorParallel: 2 });
    expect(decode.linkBytes).toBeGreaterThan(0);
    expect(decode.linkSeconds).toBeNull();
    expect(notes).toEqual(['no published link of slow-memory: what is sent over links takes no time here']);
  });
});
