import { expect, test } from 'vitest';
import { PythonRandom } from '../../../statistics/python-random.js';

// All numbers are what CPython 3 draws with `random.Random(seed)`.

test('draws what Python draws, beyond the first 624 words of its state', () => {
  const random = new PythonRandom(42);
  expect([random.next(), random.next()]).toEqual([0.6394267984578837, 0.025010755222666936]);
  for (let i = 2; i < 400; i++) random.next();
  expect(random.next()).toBe(0.4421597993048074);
  expect([1, 5, 8, 1000].map((below) => random.integerBelow(below))).toEqual([0, 4, 7, 812]);
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
  expect(random.sample(numbers(10), 4)).toEqual([2, 1, 4, 7]);
  expect(random.sample(numbers(1000), 3)).toEqual([679, 648, 634]);
});

test('takes the largest seed', () => {
  expect(new PythonRandom(2 ** 32 - 1).next()).toBe(0.6353574441341173);
});
