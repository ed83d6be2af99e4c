import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { FailureError } from '../../core/errors.js';
import { readSynthetic } from '../../core/models/synthetic.js';
import { isQuantized, KV_CACHE_TYPES } from '../../core/techniques/tensor-types.js';
import { predictKvCache } from '../../core/work/kv-cache.js';
import { PASS_DEFAULTS } from '../../core/work/llama-cpp-options.js';
import { modelFacts } from '../../formats/gguf/facts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { sound } from '../support/reading.js';
import { load, modelPath, prompt, rootMeanSquare } from './loading.js';

const folder = sharedFolder();
const tokens = prompt(48, 3);

async function run(path: string, options = {}) {
  const model = await load(path, options, { contextTokens: 256 });
  model.prefill([tokens]);
  const logits = model.logits(0);
  const { kvCacheBytes, environment } = model.facts;
  const { warnings } = model;
  model.close();
  return { logits, kvCacheBytes, environment, warnings };
}
const cells = { perSequence: 256, sequences: 1 };

describe('every type of the key/value cache', () => {
  test.each(KV_CACHE_TYPES)('%s for K and V: near f32, in the memory that is predicted', async (type) => {
    const options = { kvCacheTypeK: type, kvCacheTypeV: type, flashAttention: true };
    const exact = await run('small', { kvCacheTypeK: 'f32', kvCacheTypeV: 'f32', flashAttention: true });
    const { logits, kvCacheBytes } = await run('small', options);
    // The logits themselves spread by about 3.
    expect(rootMeanSquare(logits, exact.logits)).toBeLessThan(isQuantized(type) ? 0.6 : 0.03);
    const facts = modelFacts(readGgufHeader(modelPath('small')));
    expect(kvCacheBytes).toBe(predictKvCache(facts, 'base', { ...PASS_DEFAULTS, ...options }, cells));
  });

  test.each(KV_CACHE_TYPES)(
    '%s without flash attention: K as ever, V refused when it is quantized',
    async (type) => {
      await run('tiny', { kvCacheTypeK: type, flashAttention: false });
      const values = run('tiny', { kvCacheTypeV: type, flashAttention: false });
      if (!isQuantized(type)) return void (await values);
      const error = (await values.catch((e: unknown) => e)) as FailureError;
      expect(error).toBeInstanceOf(FailureError);
      expect(error.failure.message).toContain('needs flash attention');
    },
  );
});

describe('rotation of a quantized cache', () => {
  const quantized = { kvCacheTypeK: 'q4_0', kvCacheTypeV: 'q4_0', flashAttention: true };

  test('is what the engine does, unless it is switched off; that changes what the model says', async () => {
    const rotated = await run('small', quantized);
    expect(rotated.environment.kvCacheRotated).toBe('keys and values');
    const plain = await run('small', { ...quantized, kvCacheRotation: false });
    expect(plain.environment.kvCacheRotated).toBe('nothing');
    expect(plain.warnings).toEqual(rotated.warnings);
    expect(rootMeanSquare(rotated.logits, plain.logits)).toBeGreaterThan(0.01);
    // Switched on again in the same process.
    const again = await run('small', quantized);
    expect(again.logits).toEqual(rotated.logits);
    const keys = await run('small', { kvCacheTypeK: 'q4_0', flashAttention: true });
    expect(keys.environment.kvCacheRotated).toBe('keys');
  });
});

describe('shapes of attention', () => {
  const shape = 'layers=2&embedding=128&heads=4&headLength=32&vocabulary=4096';
  test.each([
    ['multi-head', `synthetic:llama?${shape}&kvHeads=4`],
    ['grouped-query', `synthetic:llama?${shape}&kvHeads=2`],
    ['multi-query', `synthetic:llama?${shape}&kvHeads=1`],
    ['latent', `synthetic:deepseek2?${shape}&ropeLength=32`],
    [
      'latent, other ranks, quantized',
      `synthetic:deepseek2?${shape}&kvRank=96&queryRank=64&ropeLength=32&type=q8_0`,
    ],
  ])('%s attention runs, in the memory that is predicted', async (_name, source) => {
    const reading = sound(readSynthetic(source));
    const path = join(folder, 'shape.gguf');
    await writeSynthetic(path, reading.model);
    const facts = modelFacts(readGgufHeader(path));
    for (const type of ['f16', 'q8_0']) {
      const options = { kvCacheTypeK: type, kvCacheTypeV: type };
      const { logits, kvCacheBytes } = await run(path, options);
      expect(logits.every(Number.isFinite)).toBe(true);
      expect(kvCacheBytes).toBe(predictKvCache(facts, 'base', { ...PASS_DEFAULTS, ...options }, cells));
    }
  });
});
