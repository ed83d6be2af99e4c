import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutFields } from '../../../coordinator/log/cut.js';

test('an object of JSON is cut as if it were written twice', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('a', 'b', 'c', '', 'd e', ',', '{'), fc.jsonValue(), { minKeys: 1 }),
      fc.subarray(['a', 'c', ',']),
      (object, taken) => {
        const apart = (key: string) => taken.includes(key);
        const of = (keep: (key: string) => boolean) =>
          JSON.stringify(Object.fromEntries(Object.entries(object).filter(([key]) => keep(key))));
        const cut = cutFields(JSON.stringify(object), apart);
        expect(cut).toEqual([of((key) => !apart(key)), of(apart)]);
      },
    ),
    { numRuns: 300 },
  );
});

test.each(['{ "a":1}', '{"\\u0061":1}', '{"a":1} ', '{}', '{"a":"', '{"a":[1', '[1]', '', '{"a":1,}'])(
  'what is written otherwise is not cut: %s',
  (json) => {
    expect(cutFields(json, (key) => key === 'a')).toBeNull();
  },
);
