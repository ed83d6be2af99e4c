import { expect, test } from 'vitest';
import { spareBetween } from '../../../process/device/spare-cpus.js';

/** Readings 200 ms apart of CPUs that were busy for so much of it. */
function readings(...busy: readonly number[]) {
  const at = (seconds: number) =>
    busy.map((share) => ({ user: 200 * share * seconds, idle: 200 * (1 - share) * seconds }));
  return [at(1), at(2)] as const;
}

test('threads are as many as CPUs are free, and one at least', () => {
  const of = (...busy: readonly number[]) => spareBetween(...readings(...busy), [...busy.keys()]);
  expect(of(0, 0)).toBe(2);
  expect(of(0.1, 0.1)).toBe(2);
  expect(of(1, 0)).toBe(1);
  expect(of(1, 1)).toBe(1);
  expect(of(1, 0, 0, 0.1, 1, 0, 0, 0)).toBe(6);
  // CPUs that may not be used are nobody's business.
  expect(spareBetween(...readings(0, 1, 0), [0, 2])).toBe(2);
  // No tick passed.
  expect(spareBetween([{ user: 1, idle: 1 }], [{ user: 1, idle: 1 }], [0])).toBe(1);
});
