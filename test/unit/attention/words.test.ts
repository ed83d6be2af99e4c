import { describe, expect, test } from 'vitest';
import type { ModelFacts } from '../../../core/experiment/experiment.js';
import type { KnownFacts } from '../../../core/experiment/known-facts.js';
import { attention, grouping, readAttention } from '../../../core/techniques/attention.js';
import { windows, windowWithAdapter } from '../../../core/techniques/attention-window.js';
import { predictKvCache } from '../../../core/work/kv-cache.js';
import { PASS_DEFAULTS } from '../../../core/work/llama-cpp-options.js';
import { SMALL_FACTS } from '../../support/experiments.js';

const canonical = (word: string) => {
  const reading = attention.read(word);
  return reading.ok ? reading.value : `${reading.message} [${reading.suggestion}]`;
};

describe('a word of attention', () => {
  test.each([
    ['base', 'base'],
    ['mqa', 'kv-heads:1'],
    ['kv-heads:4', 'kv-heads:4'],
    ['window:256', 'window:256'],
    ['base?window=256', 'window:256'],
    ['window:256?fullEvery=4', 'window:256?fullEvery=4'],
    ['mqa?window=64', 'kv-heads:1?window=64'],
    ['kv-heads:2?fullEvery=6&window=64', 'kv-heads:2?fullEvery=6&window=64'],
  ])('%s is %s', (word, expected) => {
    expect(canonical(word)).toBe(expected);
    expect(canonical(expected)).toBe(expected);
  });

  test.each([
    ['gqa', /must be base, mqa, kv-heads: and their number, or window: and its tokens.*\[kv-heads:2\]/],
    ['swa', /\[window:256\]/],
    ['kv-heads:0', /must be base/],
    ['window:0', /must be base/],
    ['window:64?window=32', /gives its window twice/],
    ['kv-heads:2?fullEvery=4', /gives fullEvery without a window/],
    ['nsa', /llama.cpp has no graph for it: no runner here computes it/],
    ['mla', /is a shape of a model.*synthetic:deepseek2/],
    ['flash', /it is the runner option flashAttention/],
  ])('%s is refused', (word, why) => {
    expect(canonical(word)).toMatch(why);
  });

  test('a map becomes the same word', () => {
    expect(canonical(attention.spell({ kvHeads: 2, window: 64 }))).toBe('kv-heads:2?window=64');
    expect(readAttention('kv-heads:2?window=64')).toEqual({
      ok: true,
      value: { kvHeads: 2, window: { tokens: 64, fullEvery: 0 } },
    });
  });
});

const FACTS: KnownFacts = { ...SMALL_FACTS, heads: { query: 4, keyValue: 2 } };

describe('what is known to be impossible before anything runs', () => {
  const on = (word: string, facts: Partial<ModelFacts> = {}) =>
    [grouping, windows]
      .map((rule) => rule.reason({ model: 'm', attention: word }, { ...FACTS, ...facts }))
      .find(Boolean);
  test.each([
    ['kv-heads:2', {}, undefined],
    ['mqa', {}, undefined],
    ['kv-heads:4', {}, /has 2 K\/V heads, which do not make 4 equal groups/],
    ['mqa', { heads: { query: 9, keyValue: 3 } }, undefined],
    ['kv-heads:2', { heads: { query: 9, keyValue: 3 } }, /choose a number that divides 3/],
    ['mqa', { quantization: 'q4_k_m' }, /is quantized \(q4_k_m\), and heads are grouped in float weights/],
    ['kv-heads:2', { quantization: 'q4_k_m' }, undefined],
    ['window:64', { quantization: 'q4_k_m' }, undefined],
    ['window:64', { architecture: 'qwen2' }, /graph of qwen2 has no sliding window and would ignore one/],
    ['window:64', { architecture: 'phi3' }, /graph of phi3 has no sliding window/],
    ['window:64', { architecture: 'gemma3' }, undefined],
    ['window:64?fullEvery=6', { architecture: 'gemma3' }, /leave fullEvery out/],
  ])('%s on %j', (word, facts, why) => {
    const reason = on(word, facts as Partial<ModelFacts>);
    if (why === undefined) expect(reason).toBeUndefined();
    else expect(reason).toMatch(why);
  });

  test('an attached adapter and a window', () => {
    const reason = (attention: string, adapter: string) =>
      windowWithAdapter.reason({ attention, adapter }, null);
    expect(reason('window:64', 'a.gguf')).toMatch(/merge it/);
    expect(reason('window:64', 'a.gguf?mode=merged')).toBeNull();
    expect(reason('window:64', 'none')).toBeNull();
    expect(reason('kv-heads:1', 'a.gguf')).toBeNull();
  });
});

test('the cache is predicted after grouping, and with a window', () => {
  const bytes = (word: string, perSequence = 1024, sequences = 1, ubatch = 256) =>
    predictKvCache(FACTS, word, { ...PASS_DEFAULTS, ubatch }, { perSequence, sequences });
  // One token takes 8 layers × 2 heads × 64 elements × 2 bytes, for K and for V.
  expect(bytes('base')).toBe(1024 * 4096);
  expect(bytes('mqa')).toBe(1024 * 2048);
  // The next four are what the engine printed (test/models/attention.test.ts asks it again).
  expect(bytes('window:64')).toBe(2_097_152);
  expect(bytes('window:64', 1024, 3)).toBe(6_291_456);
  expect(bytes('window:64?fullEvery=4')).toBe(2_621_440);
  expect(bytes('window:64?fullEvery=4', 1024, 3)).toBe(7_864_320);
  expect(bytes('window:64', 256)).toBe(bytes('base', 256));
});
