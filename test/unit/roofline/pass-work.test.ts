import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../../core/work/model-size.js';
import { FLASH, UNFUSED } from '../../../core/work/pass/setting.js';
import { passWork } from '../../../core/work/pass-work.js';
import type { PassWork } from '../../../core/work/work.js';
import { totalBytes } from '../../../core/work/work.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { architectureFromGguf } from '../../../roofline/readers/gguf.js';
import { denseArchitecture } from '../../support/architectures.js';
import { forAll } from '../../support/for-all.js';
import { sound } from '../../support/reading.js';

const flops = (work: PassWork) => work.operators.reduce((sum, { flops: one }) => sum + one, 0);
const bytes = (work: PassWork) => work.operators.reduce((sum, { traffic }) => sum + totalBytes(traffic), 0);
const named = (work: PassWork, name: string) => {
  const found = work.operators.filter((one) => one.name === name);
  expect(found.map((one) => one.name)).toEqual([name]);
  return found[0]!;
};

/** 2 layers, h 8, 2 heads of 4, 1 K/V head, f 16, 32 tokens; 16 bits everywhere. */
const small = denseArchitecture({
  layers: 2,
  embedding: 8,
  heads: 2,
  kvHeads: 1,
  headLength: 4,
  feedForward: 16,
  vocabulary: 32,
});

describe('a model small enough to count by hand', () => {
  test('prefill of 3 tokens', () => {
    const work = passWork(small, {
      phase: 'prefill',
      batch: [{ sequences: 1, newTokens: 3, cachedTokens: 0 }],
    });
    // 2 · in · out · tokens, for two layers.
    expect(named(work, 'q_proj')).toMatchObject({ calls: 2, flops: 2 * (2 * 8 * 8 * 3) });
    expect(named(work, 'k_proj').flops).toBe(2 * (2 * 8 * 4 * 3));
    expect(named(work, 'v_proj').flops).toBe(2 * (2 * 8 * 4 * 3));
    expect(named(work, 'o_proj').flops).toBe(2 * (2 * 8 * 8 * 3));
    expect(named(work, 'gate_proj').flops).toBe(2 * (2 * 8 * 16 * 3));
    expect(named(work, 'down_proj').flops).toBe(2 * (2 * 16 * 8 * 3));
    // 1 + 2 + 3 pairs under the mask; 2 heads · (4 + 4) · 2 FLOPs each, for two layers.
    expect(named(work, 'attention').flops).toBe(2 * (2 * 2 * 8 * 6));
    expect(named(work, 'softmax').flops).toBe(2 * (5 * 2 * 6));
    // RMSNorm: 4 an element. Positions: (2 + 1) heads of 4, 3 an element. SwiGLU: 5. Residuals: 1.
    expect(named(work, 'attn_norm').flops).toBe(2 * 4 * 3 * 8);
    expect(named(work, 'rope').flops).toBe(2 * 3 * (3 * 3 * 4));
    expect(named(work, 'mlp_act').flops).toBe(2 * 5 * (3 * 16));
    expect(named(work, 'mlp_add').flops).toBe(2 * 3 * 8);
    // One row of logits.
    expect(named(work, 'lm_head').flops).toBe(2 * 8 * 32);
    expect(named(work, 'output_norm').flops).toBe(4 * 3 * 8);
    const matrices = 2 * 3 * 2 * (8 * 8 * 2 + 8 * 4 * 2 + 3 * 8 * 16) + 2 * 8 * 32;
    const attention = 2 * (2 * 2 * 8 * 6 + 5 * 2 * 6);
    const vectors = 2 * (2 * 4 * 24 + 3 * 36 + 5 * 48 + 2 * 24) + 4 * 24;
    expect(flops(work)).toBe(matrices + attention + vectors);
  });

  test('bytes of that prefill', () => {
    const work = passWork(small, {
      phase: 'prefill',
      batch: [{ sequences: 1, newTokens: 3, cachedTokens: 0 }],
    });
    // Two bytes each: weights once, inputs once, outputs once.
    expect(named(work, 'gate_proj').traffic).toEqual({
      weightsRead: 2 * 2 * 8 * 16,
      cacheRead: 0,
      cacheWritten: 0,
      activationsRead: 2 * 2 * 3 * 8,
      activationsWritten: 2 * 2 * 3 * 16,
    });
    expect(named(work, 'cache_store').traffic).toMatchObject({
      activationsRead: 2 * 2 * 3 * 8,
      cacheWritten: 2 * 2 * 3 * 8,
    });
    // One block of queries: K and V of 3 tokens, once for both heads; Q in, the result out.
    expect(named(work, 'attention').traffic).toMatchObject({
      cacheRead: 2 * 2 * 3 * 8,
      activationsRead: 2 * 2 * 3 * 8,
      activationsWritten: 2 * 2 * 3 * 8,
    });
    expect(named(work, 'embed_tokens').traffic).toMatchObject({ weightsRead: 2 * 3 * 8 });
    expect(named(work, 'mlp_add').traffic).toMatchObject({ activationsRead: 2 * 2 * 2 * 24 });
    const weights = work.operators.reduce((sum, { traffic }) => sum + traffic.weightsRead, 0);
    // Everything once, but of the embedding three rows only.
    expect(weights).toBe(sizeOf(small).bytes - 2 * 8 * 32 + 2 * 3 * 8);
  });

  test('one step of decoding for two sequences at different depths', () => {
    const work = passWork(small, {
      phase: 'decode',
      batch: [
        { sequences: 1, newTokens: 1, cachedTokens: 5 },
        { sequences: 1, newTokens: 1, cachedTokens: 9 },
      ],
    });
    expect(named(work, 'attention')).toMatchObject({
      flops: 2 * (2 * 2 * 8 * (6 + 10)),
      traffic: { cacheRead: 2 * 2 * 8 * (6 + 10) },
    });
    expect(named(work, 'lm_head').flops).toBe(2 * 2 * 8 * 32);
    expect(named(work, 'q_proj').class).toBe('matvec');
  });

  test('without a fused kernel scores go to memory and back, and masked ones are computed', () => {
    const work = passWork(small, {
      phase: 'prefill',
      batch: [{ sequences: 1, newTokens: 3, cachedTokens: 1 }],
      attention: UNFUSED,
    });
    expect(named(work, 'qk_matmul')).toMatchObject({
      flops: 2 * (2 * 2 * 4 * 12),
      traffic: { cacheRead: 2 * 2 * 4 * 4, activationsWritten: 2 * 2 * (2 * 12) },
    });
    expect(named(work, 'softmax').traffic).toMatchObject({
      activationsRead: 2 * 2 * (2 * 12),
      activationsWritten: 2 * 2 * (2 * 12),
    });
  });
});

describe('what must hold for any pass', () => {
  const settings = fc.record({
    sequences: fc.integer({ min: 1, max: 8 }),
    newTokens: fc.integer({ min: 1, max: 300 }),
    cachedTokens: fc.integer({ min: 0, max: 300 }),
    queryBlock: fc.option(fc.integer({ min: 1, max: 128 })),
    flash: fc.boolean(),
  });

  test('chunks of a prompt add up to the whole of it', () => {
    forAll(100, [settings, fc.integer({ min: 1, max: 299 })], ({ newTokens, sequences }, cut) => {
      fc.pre(cut < newTokens);
      const whole = { phase: 'prefill', logits: 'all' } as const;
      const chunk = (tokens: number, before: number) =>
        flops(
          passWork(small, {
            ...whole,
            batch: [{ sequences, newTokens: tokens, cachedTokens: before }],
          }),
        );
      expect(chunk(cut, 0) + chunk(newTokens - cut, cut)).toBe(chunk(newTokens, 0));
    });
  });

  test('alike sequences are the same in one group or in many', () => {
    forAll(100, [settings], ({ sequences, queryBlock, flash, ...group }) => {
      const attention = { ...(flash ? FLASH : UNFUSED), queryBlock };
      const one = passWork(small, { phase: 'prefill', attention, batch: [{ sequences, ...group }] });
      const many = passWork(small, {
        phase: 'prefill',
        attention,
        batch: Array.from({ length: sequences }, () => ({ sequences: 1, ...group })),
      });
      expect(many).toEqual(one);
    });
  });

  test('no number is negative, and more tokens are more work', () => {
    forAll(100, [settings], ({ sequences, queryBlock, flash, ...group }) => {
      const attention = { ...(flash ? FLASH : UNFUSED), queryBlock };
      const ask = (newTokens: number) =>
        passWork(small, {
          phase: 'prefill',
          attention,
          batch: [{ sequences, ...group, newTokens }],
        });
      const [less, more] = [ask(group.newTokens), ask(group.newTokens + 1)];
      for (const { flops: count, traffic, linkBytes } of less.operators) {
        expect(Math.min(count, linkBytes, ...Object.values(traffic))).toBeGreaterThanOrEqual(0);
      }
      expect(flops(more)).toBeGreaterThan(flops(less));
      expect(bytes(more)).toBeGreaterThan(bytes(less));
    });
  });
});

test('the file of the shipped model: its weights, byte by byte', () => {
  const header = readGgufHeader(join(import.meta.dirname, '../../../models/small-f16.gguf'));
  const reading = sound(architectureFromGguf(header));
  const { architecture } = reading;
  expect(architecture).toMatchObject({ family: 'llama', embedding: 256, vocabulary: 4096, tied: false });
  expect(architecture.layers.map(({ count }) => count)).toEqual([8]);
  const stored = header.tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  expect(sizeOf(architecture).bytes).toBe(stored);
});

describe('what cannot be', () => {
  const cases = [
    [[], /the batch is empty/],
    [[{ sequences: 0, newTokens: 1, cachedTokens: 0 }], /a pass of 0 sequences/],
    [[{ sequences: 1, newTokens: 0, cachedTokens: 0 }], /0 new tokens/],
    [[{ sequences: 1, newTokens: 1, cachedTokens: -1 }], /-1 tokens before/],
    [
      [{ sequences: 1, newTokens: 1, cachedTokens: 4096 }],
      /a context of 4097 tokens, but this llama model has at most 4096/,
    ],
  ] as const;
  for (const [batch, message] of cases) {
    test(String(message), () => {
      expect(() => passWork(small, { phase: 'decode', batch })).toThrow(message);
    });
  }
});
