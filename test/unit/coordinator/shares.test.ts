import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Shares } from '../../../coordinator/scheduler/shares.js';
import { forAll } from '../../support/for-all.js';

const namespaces = fc.array(
  fc.record({
    weight: fc.integer({ min: 1, max: 20 }),
    /** Blocks that it asks for, one after the other without a rest. */
    blocks: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 20, maxLength: 60 }),
  }),
  { minLength: 2, maxLength: 5 },
);

describe('shares', () => {
  test('keep the bound: while one waits, each other gets (wj / wi) · Li + Lj device-seconds at most, and Lj before the first', () => {
    forAll(300, [namespaces], (all) => {
      const shares = new Shares();
      const names = all.map((_, i) => `n${i}`);
      const longest = all.map(({ blocks }) => Math.max(...blocks));
      const next = all.map(() => 0);
      /** What each got since the last block of each. */
      const since = all.map(() => all.map(() => 0));
      const served = all.map(() => false);
      // As long as everybody has work.
      while (next.every((n, i) => n < all[i]!.blocks.length)) {
        const turn = names.indexOf(shares.order(names)[0]!);
        const cost = all[turn]!.blocks[next[turn]!++]!;
        shares.begin(names[turn]!, cost, all[turn]!.weight);
        for (const [i, { weight }] of all.entries()) {
          if (i === turn) continue;
          since[i]![turn]! += cost;
          const ratio = served[i] ? all[turn]!.weight / weight : 0;
          if (since[i]![turn]! > ratio * longest[i]! + longest[turn]! + 1e-6) return false;
        }
        since[turn]!.fill(0);
        served[turn] = true;
      }
      return true;
    });
  });

  test('in the long run are as the weights, whatever the blocks', () => {
    const shares = new Shares();
    const used = { a: 0, b: 0 };
    const weights = { a: 3, b: 1 };
    const cost = { a: 10, b: 37 };
    for (let n = 0; n < 4000; n += 1) {
      const turn = shares.order(['a', 'b'])[0] as 'a' | 'b';
      shares.begin(turn, cost[turn], weights[turn]);
      used[turn] += cost[turn];
    }
    expect(used.a / used.b).toBeCloseTo(3, 1);
  });

  test('one that rested gets no time that it did not ask for, and waits for one block of another', () => {
    const shares = new Shares();
    for (let n = 0; n < 100; n += 1) shares.begin('busy', 10, 1);
    expect(shares.order(['busy', 'late'])).toEqual(['late', 'busy']);
    shares.begin('late', 10, 1);
    shares.begin('busy', 10, 1);
    // From here on they take turns.
    const turns = Array.from({ length: 6 }, () => {
      const [turn = ''] = shares.order(['busy', 'late']);
      shares.begin(turn, 10, 1);
      return turn;
    });
    expect(new Set(turns.slice(0, 2)).size).toBe(2);
    expect(turns.filter((turn) => turn === 'late')).toHaveLength(3);
  });

  test('what took longer than was thought is made up for', () => {
    const shares = new Shares();
    shares.begin('a', 1, 1);
    shares.begin('b', 1, 1);
    shares.correct('a', 100, 1);
    expect(shares.order(['a', 'b'])).toEqual(['b', 'a']);
    shares.correct('a', -100, 1);
    shares.correct('b', 50, 1);
    expect(shares.order(['a', 'b'])).toEqual(['a', 'b']);
  });
});
