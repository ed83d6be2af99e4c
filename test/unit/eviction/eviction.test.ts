import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { llamaCpp } from '../../../core/runners/llama-cpp.js';
import {
  evictionOf,
  mostTokensHeld,
  piecesBetweenCuts,
  readEviction,
  tokensHeld,
} from '../../../core/work/eviction.js';
import { llamaCppPasses } from '../../../core/work/llama-cpp.js';
import { addDifferenceScores, addNormScores } from '../../../engines/runners/key-scores.js';
import { keysIn } from '../../../engines/runners/llama-cpp/cached-keys.js';
import { keptTokens } from '../../../engines/runners/llama-cpp/eviction.js';

describe('how an eviction is written', () => {
  test.each([
    ['none', null],
    ['streaming:256', { method: 'streaming', budget: 256, block: 64, sinks: 4, recent: 32 }],
    [
      'keydiff:512?block=128&recent=1&sinks=0',
      { method: 'keydiff', budget: 512, block: 128, sinks: 0, recent: 1 },
    ],
  ])('%s', (word, spec) => {
    expect(evictionOf(word)).toEqual(spec);
    expect(llamaCpp.options.parse({ eviction: word }).eviction).toBe(word);
  });

  test.each([
    ['h2o:256', 'must be none, or streaming, knorm, keydiff with the tokens that stay, such as keydiff:512'],
    ['keydiff', 'must be none, or streaming, knorm, keydiff with the tokens that stay'],
    ['keydiff:0', 'must be none, or streaming, knorm, keydiff with the tokens that stay'],
    ['keydiff:20', 'always keeps 4 first and 32 newest tokens, more than the 20 that stay'],
    ['keydiff:99?window=3', 'has no setting "window"; it can have block, sinks, recent'],
    ['keydiff:99?block=64', 'is written "keydiff:99"'],
  ])('%s is refused in a sentence', (word, sentence) => {
    const reading = readEviction(word);
    expect(reading.ok ? '' : reading.message).toContain(sentence);
    expect(llamaCpp.options.safeParse({ eviction: word }).success).toBe(false);
  });
});

const specs = fc
  .record({ budget: fc.integer({ min: 2, max: 50 }), block: fc.integer({ min: 1, max: 20 }) })
  .map((sizes) => ({ method: 'knorm' as const, sinks: 1, recent: 1, ...sizes }));

test('a cache grows by what is read, and is cut to its budget when it is full', () => {
  fc.assert(
    fc.property(specs, fc.integer({ min: 0, max: 300 }), (spec, read) => {
      let held = 0;
      let most = 0;
      for (let i = 0; i < read; i++) {
        held += 1;
        most = Math.max(most, held);
        if (held === spec.budget + spec.block) held = spec.budget;
      }
      expect(tokensHeld(spec, read)).toBe(held);
      expect(mostTokensHeld(spec, read)).toBe(most);
    }),
  );
});

test('pieces have all tokens, each with what the cache holds before it, and none crosses a cut', () => {
  const counts = fc.integer({ min: 0, max: 200 });
  fc.assert(
    fc.property(specs, counts, counts, fc.integer({ min: 1, max: 30 }), (spec, before, tokens, most) => {
      let read = before;
      for (const piece of piecesBetweenCuts(spec, before, tokens, most)) {
        expect(piece.held).toBe(tokensHeld(spec, read));
        expect(piece.tokens).toBeLessThanOrEqual(most);
        expect(piece.held + piece.tokens).toBeLessThanOrEqual(spec.budget + spec.block);
        read += piece.tokens;
      }
      expect(read).toBe(before + tokens);
    }),
  );
});

describe('which tokens stay', () => {
  const settings = { budget: 5, sinks: 1, recent: 2 };

  test('the first, the newest, and of the others those that score highest', () => {
    const scores = Float64Array.of(-9, 1, 5, 2, 4, 3, -9, -9);
    expect(keptTokens(scores, settings)).toEqual([true, false, true, false, true, false, true, true]);
  });

  test('of equal scores the newer', () => {
    const kept = keptTokens(new Float64Array(8), settings);
    expect(kept).toEqual([true, false, false, false, true, true, true, true]);
  });
});

describe('scores of keys', () => {
  /** Three tokens of width 2: norms 5, 1 and 2; the third points away from the others. */
  const head = { keys: Float32Array.of(3, 4, 0.6, 0.8, -2, 0), width: 2 };

  test('knorm: the smaller the key, the higher, in units of the mean norm', () => {
    const scores = new Float64Array(3);
    addNormScores(head, scores);
    expect([...scores].map((score) => Number(score.toFixed(6)))).toEqual([-1.875, -0.375, -0.75]);
  });

  test('keydiff: the less alike the mean of the directions, the higher', () => {
    const scores = new Float64Array(3);
    addDifferenceScores(head, scores);
    const anchor = [0.6 + 0.6 - 1, 0.8 + 0.8];
    const length = Math.hypot(...anchor);
    const first = -(0.6 * anchor[0]! + 0.8 * anchor[1]!) / length;
    const expected = [first, first, anchor[0]! / length];
    for (const [token, score] of scores.entries()) expect(score).toBeCloseTo(expected[token]!, 6);
  });

  test('scores of several heads add up; keys of nothing but zeros say nothing', () => {
    const scores = new Float64Array(3);
    for (const add of [addNormScores, addDifferenceScores])
      add({ keys: new Float32Array(6), width: 2 }, scores);
    expect([...scores]).toEqual([0, 0, 0]);
  });
});

describe('keys in the state of an engine', () => {
  /** Two streams, of which the second has two cells; one layer of two heads of width 1, in f32. */
  const numbers = [7, 0, 2, 0, 2, 11, 1, 1, 12, 1, 1, 0, 1, 0, 8, 0];
  const state = (layers = 1) => {
    const bytes = new Uint8Array(4 * (numbers.length + 4));
    const view = new DataView(bytes.buffer);
    const said = numbers.map((number, i) => (i === 12 ? layers : number));
    for (const [i, number] of said.entries()) view.setInt32(4 * i, number, true);
    for (let i = 0; i < 4; i++) view.setFloat32(4 * (numbers.length + i), i + 1, true);
    return bytes;
  };
  const floats = (_: number, bytes: Uint8Array) => new Float32Array(bytes.slice().buffer);

  test('positions of its cells, and the keys of each head', () => {
    const { positions, heads } = keysIn(state(), { layers: 1, kvHeads: 2 }, floats);
    expect(positions).toEqual([11, 12]);
    expect(Array.from(heads(), ({ keys }) => [...keys])).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });

  test('one that is laid out otherwise, or cut, is refused in a sentence', () => {
    const refusal = 'The cache of this model is laid out in a way that its keys cannot be read from.';
    const read = (bytes: Uint8Array) => () =>
      Array.from(keysIn(bytes, { layers: 1, kvHeads: 2 }, floats).heads());
    expect(read(state(2))).toThrow(refusal);
    expect(read(state().subarray(0, 70))).toThrow(refusal);
    expect(read(new Uint8Array(0))).toThrow(refusal);
    expect(() => Array.from(keysIn(state(), { layers: 1, kvHeads: 2 }, () => null).heads())).toThrow(refusal);
  });
});

describe('the work of a point', () => {
  const workload = { promptTokens: 300, generateTokens: 10, sequences: 2, contextDepth: 100 };
  const options = { eviction: 'streaming:128' };

  test('a step reads what the cache holds', () => {
    const pass = llamaCppPasses.decode(workload, 400, options, {} as never);
    expect(pass.batch).toEqual([{ sequences: 2, newTokens: 1, cachedTokens: 128 + ((400 - 128) % 64) }]);
  });

  test('a prompt is read in pieces between the cuts', () => {
    const passes = llamaCppPasses.prefill(workload, options, {} as never);
    const tokens = passes.reduce((sum, { batch }) => sum + batch[0]!.newTokens, 0);
    expect(tokens).toBe(600);
    expect(Math.max(...passes.map(({ batch }) => batch[0]!.cachedTokens))).toBe(128);
    expect(passes.filter(({ logits }) => logits === 'last')).toHaveLength(2);
  });
});
