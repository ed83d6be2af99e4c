import { describe, expect, test } from 'vitest';
import type { Options } from '../../../core/experiment/experiment.js';
import type { ServedPasses } from '../../../core/work/engine-passes.js';
import { llamaServerPasses } from '../../../core/work/llama-cpp.js';
import { pagedPasses } from '../../../core/work/paged.js';
import { operatorsOf, type PhaseWork } from '../../../core/work/phase-work.js';
import { ONE_DEVICE, type ServedDemand, servedWork } from '../../../core/work/served-work.js';
import { SMALL } from '../../support/roofline.js';

/** Weights of the matrices of two layers and of the head, f16, and of the norms, f32. */
const MATRICES = 2 * 2 * (64 * 64 * 2 + 64 * 32 * 2 + 64 * 128 * 3) + 2 * 64 * 1000;
const NORMS = 5 * 64 * 4;
const EMBEDDED = 2 * 64;
/** K and V of one head of 32 in f16, two layers. */
const CACHED = 2 * 32 * 2 * 2;

const DEMAND: ServedDemand = {
  stepSequences: 2.5,
  meanSequences: 2,
  contextTokens: 99,
  promptsPerStep: 0,
  promptsAtOnce: 1,
  promptsBetween: 1,
  promptTokens: 20,
  cachedTokens: 4,
  prompts: 10,
  decodeTokens: 200,
};

const phases = (
  changes: Partial<ServedDemand> = {},
  engine = llamaServerPasses,
  options: Options = {},
  split = {},
) => {
  const work = servedWork(SMALL, engine, options, { ...ONE_DEVICE, ...split }, { ...DEMAND, ...changes });
  if (typeof work === 'string') throw new Error(work);
  return Object.fromEntries(work.map((phase) => [phase.name, phase])) as Record<
    'prefill' | 'decode' | 'serve',
    PhaseWork
  >;
};
const bytes = (work: PhaseWork, kind: 'weightsRead' | 'cacheRead' | 'cacheWritten') =>
  operatorsOf(work).reduce((sum, { traffic }) => sum + traffic[kind], 0);
const flops = (work: PhaseWork, name: string) =>
  operatorsOf(work).reduce((sum, one) => sum + (one.name === name ? one.flops : 0), 0);
const passes = ({ passes: counted }: PhaseWork) => counted.reduce((sum, { times }) => sum + times, 0);
/** Of one token through the Q matrix of both layers. */
const QUERY = 2 * 2 * 64 * 64;

describe('the work of a server', () => {
  test('a mean step of 2.5 sequences reads the weights once and the cache of each', () => {
    const { decode } = phases();
    expect(passes(decode)).toBeCloseTo(1, 12);
    expect(bytes(decode, 'weightsRead')).toBeCloseTo(MATRICES + NORMS + 2.5 * EMBEDDED, 6);
    expect(bytes(decode, 'cacheRead')).toBeCloseTo(2.5 * 100 * CACHED, 6);
    expect(bytes(decode, 'cacheWritten')).toBeCloseTo(2.5 * CACHED, 6);
    expect(flops(decode, 'q_proj')).toBeCloseTo(2.5 * QUERY, 6);
  });

  test('prompts ride on steps where the server mixes, and take passes of their own where it does not', () => {
    // A prompt of 16 new tokens behind 4 that are cached, in every second step.
    const riding = phases({ promptsPerStep: 0.5 }).decode;
    expect(passes(riding)).toBeCloseTo(1, 12);
    expect(flops(riding, 'q_proj')).toBeCloseTo((2.5 + 8) * QUERY, 6);
    expect(bytes(riding, 'weightsRead')).toBeCloseTo(MATRICES + NORMS + (2.5 + 8) * EMBEDDED, 6);
    const apart = phases({ promptsPerStep: 0.5 }, pagedPasses(false)).decode;
    expect(passes(apart)).toBeCloseTo(1.5, 12);
    expect(flops(apart, 'q_proj')).toBeCloseTo((2.5 + 8) * QUERY, 6);
    expect(bytes(apart, 'weightsRead')).toBeCloseTo(1.5 * (MATRICES + NORMS) + (2.5 + 8) * EMBEDDED, 6);
  });

  test('the prompt alone, without what the prefix cache had, in passes that are not longer than the server’s', () => {
    const { prefill } = phases({}, llamaServerPasses, { ubatch: 10 });
    expect(prefill.passes.map(({ tokens, depth }) => [tokens, depth])).toEqual([
      [10, 14],
      [6, 20],
    ]);
    expect(flops(prefill, 'q_proj')).toBe(16 * QUERY);
    // A prompt that is all there has its last token computed again.
    const [known] = phases({ cachedTokens: 20 }).prefill.passes;
    expect([known!.tokens, known!.depth]).toEqual([1, 20]);
  });

  test('the window: tokens over sequences are its steps, with all of its prompts between them', () => {
    const { serve } = phases();
    expect(passes(serve)).toBeCloseTo(100, 9);
    expect(serve.tokens).toBe(200 + 10 * 16);
    expect(flops(serve, 'q_proj')).toBeCloseTo((200 + 10 * 16) * QUERY, 3);
    expect(bytes(serve, 'weightsRead')).toBeCloseTo(100 * (MATRICES + NORMS) + 360 * EMBEDDED, 3);
    const apart = phases({}, pagedPasses(false)).serve;
    expect(bytes(apart, 'weightsRead')).toBeCloseTo(110 * (MATRICES + NORMS) + 360 * EMBEDDED, 3);
    // Of the prompts that nobody else decodes beside each takes a pass.
    expect(passes(phases({ promptsBetween: 0.4 }).serve)).toBeCloseTo(106, 9);
    // Answers of one token have no step at all.
    const prompts = phases({ decodeTokens: 0, meanSequences: 0, stepSequences: 0 });
    expect(prompts.decode).toBeUndefined();
    expect(flops(prompts.serve, 'q_proj')).toBeCloseTo(160 * QUERY, 6);
  });

  test('of several devices each has its share', () => {
    const one = phases({ stepSequences: 4, meanSequences: 4 });
    const tensor = phases({ stepSequences: 4, meanSequences: 4 }, llamaServerPasses, {}, { tensor: 2 });
    expect(flops(tensor.decode, 'q_proj')).toBe(flops(one.decode, 'q_proj') / 2);
    // Copies share the requests and have all of the weights; stages have a part of the sequences on their way
    // each.
    for (const split of [{ replicas: 2 }, { pipeline: 2 }]) {
      const shared = phases({ stepSequences: 4, meanSequences: 4 }, llamaServerPasses, {}, split);
      expect(flops(shared.decode, 'q_proj')).toBe(2 * QUERY);
      expect(bytes(shared.decode, 'weightsRead')).toBe(MATRICES + NORMS + 2 * EMBEDDED);
      expect(flops(shared.serve, 'q_proj')).toBeCloseTo(flops(one.serve, 'q_proj') / 2, 3);
      expect(flops(shared.prefill, 'q_proj')).toBe(flops(one.prefill, 'q_proj'));
    }
  });
});

describe('servers in 16 bits on pages', () => {
  const said = (options: Options, engine: ServedPasses = pagedPasses(true)) => engine.setting(SMALL, options);

  test('bits and arithmetic follow from the options of the point', () => {
    expect(said({})).toMatchObject({
      activationBits: 16,
      cacheBits: { key: 16, value: 16 },
      arithmetic: { matrix: 'bf16', attention: 'bf16' },
    });
    expect(said({ kvCacheType: 'fp8_e4m3', dataType: 'float16' })).toMatchObject({
      cacheBits: { key: 8, value: 8 },
      arithmetic: { matrix: 'f16' },
    });
    expect(said({ quantizationMethod: 'fp8' })).toMatchObject({
      weights: { bits: 8, valueBits: 8, density: 1 },
      arithmetic: { quantizedMatrix: 'fp8' },
    });
  });

  test('what is not known is said', () => {
    expect(said({ kvCacheType: 'turboquant_k8v4' })).toBe(
      'bits of a KV cache of turboquant_k8v4 are not known',
    );
    expect(said({ quantizationMethod: 'torchao' })).toBe(
      'the file is not quantized, and how many bits torchao makes of its weights is not known',
    );
  });
});
