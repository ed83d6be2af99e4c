import { describe, expect, test } from 'vitest';
import { FailureError } from '../../core/errors.js';
import { load, modelPath, prompt } from './loading.js';

const failureOf = async (work: Promise<unknown>) => {
  const error = await work.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FailureError);
  return (error as FailureError).failure;
};

describe('what cannot be loaded', () => {
  test('a quantized V cache without flash attention is impossible, and says so', async () => {
    const failure = await failureOf(load('tiny', { flashAttention: false, kvCacheTypeV: 'q8_0' }));
    expect(failure.code).toBe('impossible-combination');
    expect(failure.message).toBe('kvCacheTypeV: q8_0 needs flash attention, but flashAttention is false.');
  });

  test('a context larger than memory does not fit, before anything is allocated', async () => {
    const failure = await failureOf(load('tiny', {}, { contextTokens: 2 ** 31 }));
    expect(failure.code).toBe('does-not-fit');
    expect(failure.message).toMatch(/needs [\d.e+]+ GB, but [\d.]+ GB of memory are available/);
    expect(failure.hint).toContain('contextDepth');
  });

  test('more sequences than the engine or the batch allows are impossible', async () => {
    expect((await failureOf(load('tiny', {}, { sequences: 1000 }))).message).toContain(
      'at most 256 sequences',
    );
    expect((await failureOf(load('tiny', { batch: 4 }, { sequences: 5 }))).code).toBe(
      'impossible-combination',
    );
  });

  test('values outside an option are named', async () => {
    expect((await failureOf(load('tiny', { threads: 0 }))).message).toContain('threads cannot be 0: ');
    expect((await failureOf(load('tiny', { kvCacheTypeK: 'q7_9' }))).message).toContain(
      'kvCacheTypeK cannot be "q7_9": ',
    );
    expect((await failureOf(load('tiny', { poll: 101 }))).message).toContain('poll cannot be 101: ');
  });

  test('a missing file is a missing model', async () => {
    expect((await failureOf(load('/nowhere/m.gguf'))).code).toBe('model-missing');
  });

  test('a file that is no GGUF is unreadable', async () => {
    const failure = await failureOf(load(import.meta.filename));
    expect(failure.code).toBe('model-unreadable');
    expect(failure.message).toContain('magic');
  });

  test('a full cache is a failed run with the reason, and the model goes on after a reset', async () => {
    const model = await load('tiny', {}, { contextTokens: 256 });
    model.prefill([prompt(256, 1)]);
    expect(() => model.step(Int32Array.of(5))).toThrow('the KV cache is full');
    model.reset(0);
    model.prefill([prompt(16, 1)]);
    expect(model.logits(0)).toHaveLength(4096);
    model.close();
  });
});

test('facts of a loaded model come from the engine', async () => {
  const model = await load(
    'small',
    { kvCacheTypeK: 'q8_0', flashAttention: true, threads: 2 },
    { contextTokens: 300, sequences: 3 },
  );
  const { facts } = model;
  expect(facts.parameters).toBe(8_392_960);
  expect(facts.vocabularySize).toBe(4096);
  // Rounded up to a multiple of 256 per sequence.
  expect(facts.contextLength).toBe(512);
  // Layers × width of K or V; K in q8_0 (34 bytes per 32 elements), V in f16.
  const elements = 3 * 512 * 8 * 128;
  expect(facts.kvCacheBytes).toBe(elements * (34 / 32) + elements * 2);
  expect(facts.environment).toMatchObject({
    cpuBackend: 'shipped',
    threads: 2,
    flashAttentionUsed: true,
    openmp: false,
  });
  if (process.platform === 'linux') expect(facts.environment.cpuLibrary).toMatch(/^libggml-cpu.*\.so$/);
  expect(facts.modelBytes).toBeLessThan((await import('node:fs')).statSync(modelPath('small')).size);
  model.close();
  model.close();
});
