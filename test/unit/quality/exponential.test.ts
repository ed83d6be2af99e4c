import { expect, test } from 'vitest';
import { exponential } from '../../../core/quality/exponential.js';

test('e^x of what is at most 0 is that of Math.exp within 4 units in the last place, and at the ends what it should be', () => {
  let worst = 0;
  for (const scale of [708, 20, 1, 1e-3, 1e-12]) {
    for (let i = 0; i <= 20_000; i++) {
      const x = -scale * (i / 20_000);
      worst = Math.max(worst, Math.abs(exponential(x) / Math.exp(x) - 1));
    }
  }
  expect(worst).toBeLessThan(4 * Number.EPSILON);
  expect([0, -0, -709, Number.NEGATIVE_INFINITY, Number.NaN].map(exponential)).toEqual([
    1,
    1,
    0,
    0,
    Number.NaN,
  ]);
});
