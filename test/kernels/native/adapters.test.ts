import { describe, expect, inject, test } from 'vitest';
import { PORTABLE_MERGE } from '../../../core/techniques/adapters/merge.js';
import { mergeEngine } from '../../../engines/native/adapter-kernels.js';
import { randomLayer, randomMatrix } from '../../unit/adapters/toy.js';

const kernels = inject('kernels');
const library = kernels.library;

// Rows in several pieces and columns in several tiles, with odd ends.
const [ROWS, COLUMNS] = [61, 1100];

describe.skipIf(!kernels.tools)('native merging (needs cmake and a C++ compiler)', () => {
  test.each([
    ['lora', randomLayer(ROWS, COLUMNS, 7), 1],
    ['lora at a strength', randomLayer(ROWS, COLUMNS, 7, { scale: 1.7 }), -0.3],
    ['dora', randomLayer(ROWS, COLUMNS, 3, { magnitude: randomMatrix(1, ROWS, 4).values }), 1],
    [
      'dora at a strength',
      randomLayer(ROWS, COLUMNS, 3, { magnitude: randomMatrix(1, ROWS, 4).values }),
      0.4,
    ],
  ] as const)(
    '%s gives the bits of the portable code at any number of threads',
    async (_, layer, strength) => {
      const weights = randomMatrix(ROWS, COLUMNS, 9).values;
      weights.fill(0, 0, COLUMNS);
      for (const first of [0, 20]) {
        const rows = weights.slice(first * COLUMNS);
        const expected = rows.slice();
        PORTABLE_MERGE.addTo({ values: expected, first }, layer, strength);
        expect(expected).not.toEqual(rows);
        for (const threads of [1, 2, 5]) {
          const engine = await mergeEngine(threads, library);
          const values = rows.slice();
          engine.addTo({ values, first }, layer, strength);
          expect(Buffer.compare(Buffer.from(values.buffer), Buffer.from(expected.buffer))).toBe(0);
        }
      }
    },
  );

  test('a machine without the library merges with the portable code', async () => {
    expect(await mergeEngine(2, null)).toBe(PORTABLE_MERGE);
  });
});
