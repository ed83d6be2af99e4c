import { expect, test } from 'vitest';
import { meanRating, promptOf } from '../../../agent/quality/judge.js';

test('a rating is the mean of all ten, each by how likely it is', () => {
  const certain = (rating: number) =>
    Array.from({ length: 10 }, (_, i) => (i === rating ? 0 : Number.NEGATIVE_INFINITY));
  expect(meanRating(certain(0))).toBe(0);
  expect(meanRating(certain(9))).toBe(1);
  expect(meanRating(certain(3))).toBeCloseTo(3 / 9, 12);
  expect(meanRating(Array(10).fill(-700))).toBeCloseTo(0.5, 12);
  // Half of it on 4, half on 8, at whatever constant.
  const even = certain(4).map((value, i) => (i === 4 || i === 8 ? -1000 : value));
  expect(meanRating(even)).toBeCloseTo(6 / 9, 12);
});

test('what an answer says is no field of the template', () => {
  const question = { id: '1', prompt: 'Say {answer}.', answer: 'It is {prompt}', references: ['a', 'b'] };
  expect(promptOf('{prompt} | {answer} | {references} | {other}', question)).toBe(
    'Say {answer}. | It is {prompt} | a\nb | {other}',
  );
});
