import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Options } from '../../../core/experiment/experiment.js';
import type { KnownFacts } from '../../../core/experiment/known-facts.js';
import { predictGraphMemory } from '../../../core/runners/onnx.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { predictWeights } from '../../../core/techniques/predicted-weights.js';
import { bytesPerElement } from '../../../core/techniques/tensor-types.js';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import { predictKvCache } from '../../../core/work/kv-cache.js';
import { PASS_DEFAULTS } from '../../../core/work/llama-cpp-options.js';
import { predictMemory } from '../../../core/work/memory.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { architectureFromGguf } from '../../../roofline/readers/gguf.js';
import { SMALL_FACTS } from '../../support/experiments.js';

const MEBI = 1024 ** 2;

const small = SMALL_FACTS;
const tiny: KnownFacts = {
  ...small,
  parameters: 1_116_000,
  bytes: 2_327_520,
  layers: 4,
  keyElementsPerToken: 4 * 64,
  valueElementsPerToken: 4 * 64,
  embeddingLength: 128,
};
const llama8B: KnownFacts = {
  ...small,
  parameters: 8_030_261_248,
  bytes: 16_068_000_000,
  layers: 32,
  contextLength: 131_072,
  keyElementsPerToken: 32 * 8 * 128,
  valueElementsPerToken: 32 * 8 * 128,
  vocabularySize: 128_256,
  embeddingLength: 4096,
};

function experiment(workload: Options, runner: Options = {}, quantization = 'base', device = 'cpu') {
  return {
    technique: { ...UNCHANGED, quantization },
    runner: { kind: 'llama-cpp', options: { flashAttention: true, batch: 2048, ubatch: 512, ...runner } },
    workload: { kind: 'latency', options: workload },
    device,
  };
}

function shapesOf(name: string): ModelArchitecture {
  const reading = architectureFromGguf(
    readGgufHeader(join(import.meta.dirname, `../../../models/${name}-f16.gguf`)),
  );
  if (!reading.ok) throw new Error(reading.reason);
  return reading.architecture;
}
const shapes = { tiny: shapesOf('tiny'), small: shapesOf('small') };

/** What llama.cpp v0.4.0 prints for the shipped models ("KV buffer size", "compute buffer size"), in MiB. */
const PRINTED = [
  { facts: tiny, tokens: 512, sequences: 1, ubatch: 512, flash: true, kv: 0.5, compute: 9.76 },
  { facts: tiny, tokens: 2048, sequences: 1, ubatch: 512, flash: false, kv: 2, compute: 13.51 },
  { facts: tiny, tokens: 300, sequences: 4, ubatch: 128, flash: true, kv: 2, compute: 2.44 },
  { facts: tiny, tokens: 640, sequences: 4, ubatch: 512, flash: true, kv: 3, compute: 8.5 },
  { facts: small, tokens: 512, sequences: 1, ubatch: 512, flash: true, kv: 2, compute: 9 },
  { facts: small, tokens: 512, sequences: 1, ubatch: 512, flash: false, kv: 2, compute: 9.5 },
  { facts: small, tokens: 2048, sequences: 1, ubatch: 512, flash: false, kv: 8, compute: 23.01 },
  { facts: small, tokens: 300, sequences: 4, ubatch: 128, flash: true, kv: 8, compute: 2.25 },
  { facts: small, tokens: 640, sequences: 4, ubatch: 512, flash: true, kv: 12, compute: 9 },
];

describe('against what llama.cpp prints', () => {
  for (const p of PRINTED) {
    const name = `${p.facts === tiny ? 'tiny' : 'small'}, ${p.sequences} × ${p.tokens} tokens, ubatch ${p.ubatch}, flash ${p.flash}`;
    test(name, () => {
      const { parts } = predictMemory({
        facts: p.facts,
        experiment: experiment(
          { promptTokens: p.tokens - 100, generateTokens: 100, parallel: p.sequences },
          { ubatch: p.ubatch, flashAttention: p.flash },
        ),
      });
      // By the shapes of the file it is closer.
      const byShapes = predictMemory({
        facts: p.facts,
        architecture: p.facts === tiny ? shapes.tiny : shapes.small,
        experiment: experiment(
          { promptTokens: p.tokens - 100, generateTokens: 100, parallel: p.sequences },
          { ubatch: p.ubatch, flashAttention: p.flash },
        ),
      }).parts.compute;
      expect(byShapes).toBeGreaterThanOrEqual(p.compute * MEBI);
      expect(byShapes).toBeLessThan(1.6 * p.compute * MEBI);
      expect(parts.kvCache).toBe(p.kv * MEBI);
      expect(parts.compute).toBeGreaterThanOrEqual(p.compute * MEBI);
      expect(parts.compute).toBeLessThan(2.5 * p.compute * MEBI);
    });
  }
});

test('bytes per element follow the block structs', () => {
  expect(bytesPerElement('q8_0')).toBe(34 / 32);
  expect(bytesPerElement('q4_0')).toBe(18 / 32);
  expect(() => bytesPerElement('toString')).toThrow('ggml has no tensor type "toString"');
  const cells = { perSequence: 256, sequences: 1 };
  const one = (k: string, v: string) =>
    predictKvCache(small, 'base', { ...PASS_DEFAULTS, kvCacheTypeK: k, kvCacheTypeV: v }, cells);
  expect(one('f16', 'f16')).toBe(MEBI);
  expect(one('q8_0', 'f16')).toBe((MEBI / 2) * (34 / 64) + MEBI / 2);
  expect(one('f32', 'q4_0')).toBe(MEBI + (MEBI / 2) * (18 / 64));
});

describe('weights', () => {
  test('Llama 3.1 8B as llama.cpp lists it, from the parameters alone', () => {
    // tools/quantize/README.md, size in GiB.
    for (const [quantization, gib] of [
      ['q8_0', 7.95],
      ['q6_k', 6.14],
      ['q5_k_m', 5.33],
      ['q4_k_m', 4.58],
      ['iq2_m', 2.74],
    ] as const) {
      const ratio = predictWeights(llama8B, quantization) / (gib * 1024 ** 3);
      expect(ratio).toBeGreaterThan(0.995);
      expect(ratio).toBeLessThan(1.1);
    }
  });

  test('rows that are not whole blocks fall back to larger types (Qwen2.5 0.5B Q4_K_M: 398 MB)', () => {
    const qwen = {
      ...small,
      parameters: 494_032_768,
      bytes: 994e6,
      vocabularySize: 151_936,
      embeddingLength: 896,
    };
    const bytes = predictWeights(qwen, 'q4_k_m');
    expect(bytes).toBeGreaterThan(391e6);
    expect(bytes).toBeLessThan(440e6);
  });

  test('a file that exists, its own type and unknown names are taken as they are', () => {
    expect(predictWeights(small, 'base')).toBe(small.bytes);
    expect(predictWeights(small, 'f16')).toBe(small.bytes);
    expect(predictWeights(small, 'q9_z')).toBe(small.bytes);
    const made = predictMemory({
      facts: small,
      quantizationBytes: 5e6,
      experiment: experiment({}, {}, 'q4_0'),
    });
    expect(made.parts.weights).toBe(5e6);
  });
});

describe('of graphs in ONNX Runtime', () => {
  const smollm2: KnownFacts = {
    ...small,
    parameters: 134_515_008,
    bytes: 270_885_952,
    layers: 30,
    contextLength: 2048,
    keyElementsPerToken: 30 * 3 * 64,
    valueElementsPerToken: 30 * 3 * 64,
    vocabularySize: 49_152,
    embeddingLength: 576,
    heads: { query: 9, keyValue: 3 },
  };
  const predicted = (facts: KnownFacts, options: Options, file: number | null, more: Options = {}) =>
    predictGraphMemory({
      facts,
      quantizationBytes: file,
      experiment: {
        ...experiment(options),
        runner: { kind: 'onnx', options: { batch: 2048, ...more } },
      },
    })!;

  /**
   * Most that a process with ONNX Runtime 1.30 had resident (VmHWM), in MiB: loading, a prompt, four to 32
   * steps.
   */
  test.each([
    ['SmolLM2, f32', smollm2, { promptTokens: 256, generateTokens: 4 }, 653_403_424, 1124],
    ['SmolLM2, int8', smollm2, { promptTokens: 256, generateTokens: 4 }, 266_773_792, 570],
    ['small, f32', small, { promptTokens: 256, generateTokens: 32 }, 33_702_944, 180],
    ['small, int4', small, { promptTokens: 448, generateTokens: 32 }, 8_930_336, 169],
  ] as const)('%s: a little above what was resident', (_, facts, options, file, mebibytes) => {
    const { bytes } = predicted(facts, options, file);
    expect(bytes).toBeGreaterThan(mebibytes * MEBI);
    expect(bytes).toBeLessThan(1.25 * mebibytes * MEBI);
  });

  test('has a cache as large as the graph takes, and half of it in half precision', () => {
    const options = { promptTokens: 256, generateTokens: 32, parallel: 2 };
    const cache = (facts: KnownFacts, more: Options = {}) =>
      predicted(facts, options, null, more).parts.kvCache;
    // What load.ts allocates: keys and values of all layers in f32.
    const one = 2 * 288 * 2 * 8 * 2 * 64 * 4;
    expect(cache(small)).toBe(one);
    expect(cache(small, { shareCache: false })).toBe(2 * one);
    expect(cache({ ...small, format: 'onnx', quantization: 'f32' })).toBe(2 * one);
    expect(cache({ ...small, format: 'onnx' })).toBe(one);
  });

  test('has the weights of the file once where CUDA computes: layouts of their own are made by kernels of the CPU', () => {
    const on = (device: string) =>
      predictGraphMemory({
        facts: smollm2,
        quantizationBytes: 4e8,
        experiment: { ...experiment({}, {}, 'base', device), runner: { kind: 'onnx', options: {} } },
      })!.parts.weights;
    expect([on('cpu'), on('cuda'), on('cuda:h100'), on('metal')]).toEqual([7e8, 4e8, 4e8, 7e8]);
  });

  test('has as many logits as the graph gives, and scores of all heads', () => {
    const compute = (facts: KnownFacts, architecture: ModelArchitecture | null) =>
      predictGraphMemory({
        facts: { ...facts, format: 'onnx' },
        architecture,
        experiment: { ...experiment({ promptTokens: 256 }), runner: { kind: 'onnx', options: {} } },
      })!.parts.compute;
    const [last, all] = (['last', 'all'] as const).map((graphLogits) =>
      compute(small, { ...shapes.small, graphLogits }),
    );
    expect(last).toBeLessThan(all!);
    // Of a graph that says nothing, all that it may give.
    expect(compute(small, shapes.small)).toBe(all);
    const wide = { ...llama8B, vocabularySize: 1000 };
    expect(compute(wide, null)).toBe(compute({ ...wide, heads: { query: 32, keyValue: 8 } }, null));
  });

  test('is that of the file which the chain makes, and unknown of graphs that run as they are', () => {
    const { parts } = predicted(small, { promptTokens: 16 }, null);
    // Floats become f32.
    expect(parts.weights).toBe(Math.ceil(1.75 * 2 * small.bytes));
    const inference = { ...experiment({}), workload: { kind: 'inference', options: {} } };
    expect(predictGraphMemory({ facts: small, experiment: inference })).toBeNull();
  });
});

test('an 8B model at 128k tokens of context is refused on a 16 GB machine, at 4k it is not', () => {
  const at = (promptTokens: number) =>
    predictMemory({
      facts: llama8B,
      experiment: experiment({ promptTokens, generateTokens: 128 }, {}, 'q4_k_m'),
    }).bytes;
  expect(at(131_072)).toBeGreaterThan(16e9);
  expect(at(4096)).toBeLessThan(8e9);
});

test('an accelerator holds the layers it is given', () => {
  const on = (gpuLayers: number | 'all') =>
    predictMemory({
      facts: llama8B,
      experiment: experiment({ promptTokens: 512 }, { gpuLayers }, 'base', 'cuda'),
    }).parts;
  expect(on('all').weights).toBe(llama8B.bytes);
  expect(on(0).weights).toBe(0);
  expect(on(11).weights).toBeCloseTo(llama8B.bytes / 3, -1);
  expect(on(99).weights).toBe(llama8B.bytes);
});

test('more of anything never needs less', () => {
  const size = fc.integer({ min: 1, max: 5000 });
  fc.assert(
    fc.property(
      size,
      size,
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 1, max: 2048 }),
      (prompt, more, parallel, ubatch) => {
        const bytes = (promptTokens: number, sequences: number, micro: number) =>
          predictMemory({
            facts: small,
            experiment: experiment(
              { promptTokens, generateTokens: 64, parallel: sequences },
              { ubatch: micro, flashAttention: 'auto' },
            ),
          }).bytes;
        const base = bytes(prompt, parallel, ubatch);
        expect(bytes(prompt + more, parallel, ubatch)).toBeGreaterThanOrEqual(base);
        expect(bytes(prompt, parallel + 1, ubatch)).toBeGreaterThan(base);
        expect(bytes(prompt, parallel, ubatch + 64)).toBeGreaterThanOrEqual(base);
      },
    ),
  );
});
