import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { LlamaModel } from '../../engines/runners/llama-cpp/index.js';
import { load, logProbabilities, prompt, rootMeanSquare } from './loading.js';

interface Reference {
  readonly models: Record<string, { text: string; tokens: number[]; top8: [number, number][] }[]>;
}
const reference = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/reference-logits.json'), 'utf8'),
) as Reference;

let open: LlamaModel[] = [];
afterEach(() => {
  for (const model of open) model.close();
  open = [];
});
async function opened(...args: Parameters<typeof load>): Promise<LlamaModel> {
  const model = await load(...args);
  open.push(model);
  return model;
}

describe('logits of the shipped models', () => {
  for (const [name, prompts] of Object.entries(reference.models)) {
    test(`${name} gives the probabilities that its trainer computed`, async () => {
      const model = await opened(name, {}, { contextTokens: 64 });
      for (const { tokens, top8 } of prompts) {
        model.reset(0);
        model.prefill([Int32Array.from(tokens)]);
        const found = logProbabilities(model.logits(0));
        // float32 in PyTorch against f16 weights and a bf16 matrix unit here.
        for (const [token, expected] of top8) expect(found[token]).toBeCloseTo(expected, 2);
        const best = found.indexOf(Math.max(...found));
        expect(best).toBe(top8[0]?.[0]);
      }
    });
  }

  test('a prompt evaluated in chunks, at once or token by token gives the same logits', async () => {
    const tokens = prompt(100, 1);
    const whole = await opened('tiny', {}, { contextTokens: 128 });
    whole.prefill([tokens]);
    const expected = whole.logits(0);

    const chunks = await opened(
      'tiny',
      { batch: 32, ubatch: 16, threads: 2, poll: 0 },
      { contextTokens: 128 },
    );
    chunks.prefill([tokens]);
    expect(rootMeanSquare(chunks.logits(0), expected)).toBeLessThan(0.01);

    whole.reset(0);
    whole.prefill([tokens.subarray(0, 10)]);
    for (const token of tokens.subarray(10)) whole.step(Int32Array.of(token));
    expect(rootMeanSquare(whole.logits(0), expected)).toBeLessThan(0.01);
  });

  test('reset cuts back to the tokens that are kept', async () => {
    const tokens = prompt(40, 2);
    const model = await opened('tiny', {}, { contextTokens: 128 });
    model.prefill([tokens]);
    model.step(Int32Array.of(7));
    const expected = model.logits(0);
    for (let i = 0; i < 20; i++) model.step(Int32Array.of(100 + i));
    model.reset(40);
    model.step(Int32Array.of(7));
    expect(rootMeanSquare(model.logits(0), expected)).toBeLessThan(1e-5);
    model.reset(0);
    model.step(Int32Array.of(7));
    expect(rootMeanSquare(model.logits(0), expected)).toBeGreaterThan(0.1);
  });

  test('sequences decoded together give what each gives alone', async () => {
    const prompts = [prompt(30, 3), prompt(30, 4), prompt(30, 5)];
    const next = Int32Array.of(11, 22, 33);
    const together = await opened('tiny', {}, { contextTokens: 64, sequences: 3 });
    together.prefill(prompts);
    together.step(next);
    together.step(next);
    const alone = await opened('tiny', {}, { contextTokens: 64 });
    for (const [s, tokens] of prompts.entries()) {
      alone.reset(0);
      alone.prefill([tokens]);
      alone.step(next.subarray(s, s + 1));
      alone.step(next.subarray(s, s + 1));
      expect(rootMeanSquare(together.logits(s), alone.logits(0))).toBeLessThan(0.01);
    }
    expect(rootMeanSquare(together.logits(0), together.logits(1))).toBeGreaterThan(0.1);
  });

  test('flash attention and the types of the KV cache change logits only as far as their precision', async () => {
    const tokens = prompt(60, 6);
    const run = async (options: Parameters<typeof load>[1]): Promise<Float32Array> => {
      const model = await opened('small', options, { contextTokens: 128 });
      model.prefill([tokens]);
      model.step(Int32Array.of(9));
      return model.logits(0);
    };
    const expected = await run({ flashAttention: false, kvCacheTypeK: 'f32', kvCacheTypeV: 'f32' });
    const differences = {
      flash: await run({ flashAttention: true, kvCacheTypeK: 'f32', kvCacheTypeV: 'f32' }),
      f16: await run({ flashAttention: true }),
      bf16: await run({ flashAttention: true, kvCacheTypeK: 'bf16', kvCacheTypeV: 'bf16' }),
      q8_0: await run({ flashAttention: true, kvCacheTypeK: 'q8_0', kvCacheTypeV: 'q8_0' }),
      q4_0: await run({ flashAttention: true, kvCacheTypeK: 'q4_0', kvCacheTypeV: 'q4_0' }),
    };
    const error = Object.fromEntries(
      Object.entries(differences).map(([name, logits]) => [name, rootMeanSquare(logits, expected)]),
    ) as Record<keyof typeof differences, number>;
    expect(error.flash).toBeLessThan(0.01);
    expect(error.f16).toBeLessThan(0.01);
    expect(error.bf16).toBeLessThan(0.05);
    expect(error.q8_0).toBeLessThan(0.1);
    // Four bits must be seen, or the option did not reach the engine.
    expect(error.q4_0).toBeGreaterThan(error.q8_0);
    expect(error.q4_0).toBeLessThan(1);
  });
});
