import { describe, expect, test } from 'vitest';
import type { Prediction } from '../../../search/history.js';
import type { Costs } from '../../../search/hypervolume.js';
import { promiseOf } from '../../../search/strategies/promise.js';

const SURE = { deviations: [0, 0], fails: 0, explained: 1, seconds: 1 };

/** What the first of two candidates is promised more than the second after so many observations. */
function lead(observed: number): number {
  const prior = (position: number) => ({ ...SURE, costs: [position, position] });
  const observations = Array.from({ length: observed }, (_, position) => ({
    position,
    costs: null,
    digits: new Int32Array(),
    violation: 0,
    starts: 0,
    seconds: 1,
  }));
  const promise = promiseOf({ prior, observations }, [0, 1]);
  return promise(0) - promise(1);
}

test('what predictions say counts in full at first, and less and less once there are enough observations', () => {
  expect(lead(20)).toBe(lead(90));
  expect(lead(180)).toBeCloseTo(lead(90) / 4);
  expect(lead(600)).toBeLessThan(lead(90) / 20);
});

describe('among points of a front', () => {
  const observations = [
    [0, 8],
    [4, 4],
    [5, 3],
    [8, 0],
  ].map((costs, position) => ({
    position,
    costs,
    digits: new Int32Array(),
    violation: 0,
    starts: 1,
    seconds: 1,
  }));
  /** @returns candidates, the one that is promised most first. */
  const order = (predictions: readonly (Partial<Prediction> & { readonly costs: Costs })[]) => {
    const prior = (position: number) => ({ ...SURE, ...predictions[position]! });
    const candidates = [...predictions.keys()];
    const promise = promiseOf({ prior, observations }, candidates);
    return candidates.sort((a, b) => promise(b) - promise(a));
  };

  test('the candidate comes first that adds most to what is covered, however good others look among themselves', () => {
    // The first stands in the gap; the second and the third are the best in one number each, and add little.
    expect(order([{ costs: [1.5, 4.5] }, { costs: [-0.1, 8] }, { costs: [8, -0.1] }])[0]).toBe(0);
  });

  test('of two that are beaten, one of which less is known may still be better', () => {
    expect(order([{ costs: [6, 6] }, { costs: [6.1, 6.1], deviations: [4, 4] }])[0]).toBe(1);
  });

  test('what will fail promises less', () => {
    expect(order([{ costs: [1, 1], fails: 0.95 }, { costs: [3, 3] }])[0]).toBe(1);
  });
});
