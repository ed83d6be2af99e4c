import { expect, test } from 'vitest';
import { readSizes } from '../../../core/inference/sizes.js';

test('sizes of dimensions are read by name, or refused with what is wrong', () => {
  expect(readSizes('sequence=128, height = 224')).toEqual(
    new Map([
      ['sequence', 128],
      ['height', 224],
    ]),
  );
  expect(readSizes('batch.0=2')).toEqual(new Map([['batch.0', 2]]));
  expect(readSizes('sequence')).toBe(
    '"sequence" is not a dimension\'s name, = and a size, as in sequence=128,height=224',
  );
  expect(readSizes('a=0')).toContain('"a=0" is not');
  expect(readSizes('a=1,b=1000000000')).toEqual(
    new Map([
      ['a', 1],
      ['b', 1e9],
    ]),
  );
  expect(readSizes('a=1000000001')).toContain('"a=1000000001" is not');
  expect(readSizes('a=1,a=2')).toBe('a has two sizes');
});
