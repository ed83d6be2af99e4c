import { expect, test } from 'vitest';
import { promiseOf } from '../../../search/strategies/promise.js';

/** What the first of two candidates is promised more than the second after so many observations. */
function lead(observed: number): number {
  const prior = (position: number) => ({ costs: [position], seconds: 1, explained: 1 });
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
