import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CoresReading, CoreWidths } from '../../../agent/cores/widths.js';
import { sharedCores } from '../../../core/judgement/disturbance.js';

const file = () => join(mkdtempSync(join(tmpdir(), 'ridgepoint-cores-')), 'cores.json');
const trial = (...widths: (readonly [number, number])[]): CoresReading[] =>
  widths.map(([first, second], i) => ({
    seconds: i,
    readings: [
      { cpu: 0, width: first },
      { cpu: 1, width: second },
    ],
  }));
const calm = trial(...Array.from({ length: 20 }, () => [9.7, 9.8] as const));
const valuesOf = (widths: CoreWidths, readings: CoresReading[]) => widths.series(readings)[0]!.values;

describe('the share of their cores that CPUs had', () => {
  test('is of the best that each of them showed, averaged over them', () => {
    const widths = new CoreWidths(file(), 'here');
    expect(valuesOf(widths, calm)).toEqual(Array(20).fill(1));
    expect(valuesOf(widths, trial([9.7 / 2, 9.8]))).toEqual([0.75]);
    const [series] = widths.series(trial([9.7, 9.8], [9.7 / 2, 9.8 / 2]));
    expect(series).toMatchObject({ quantity: 'coreShareRatio', seconds: [0, 1], values: [1, 0.5] });
  });

  test('does not hang on one reading that came out too high', () => {
    const widths = new CoreWidths(file(), 'here');
    valuesOf(widths, [...calm, ...trial([30, 30])]);
    expect(valuesOf(widths, trial([9.7, 9.8]))[0]).toBeCloseTo(1, 3);
  });

  test('is known from the last run, when this one begins beside somebody', () => {
    const kept = file();
    valuesOf(new CoreWidths(kept, 'here'), calm);
    expect(valuesOf(new CoreWidths(kept, 'here'), trial([9.7 / 2, 9.8 / 2]))).toEqual([0.5]);
    // Another processor's say nothing, and a file that is broken is none.
    expect(valuesOf(new CoreWidths(kept, 'elsewhere'), trial([9.7 / 2, 9.8 / 2]))).toEqual([1]);
    writeFileSync(kept, '{');
    expect(valuesOf(new CoreWidths(kept, 'here'), trial([9.7 / 2, 9.8 / 2]))).toEqual([1]);
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toMatchObject({ of: 'here' });
  });

  test('makes a row invalid below nine tenths, and where a policy allows more to be stolen, below that', () => {
    expect(sharedCores(null, { maxStealRatio: 0.02 })).toEqual([]);
    expect(sharedCores(0.91, { maxStealRatio: 0.02 })).toEqual([]);
    expect(sharedCores(0.66, { maxStealRatio: 0.02 })).toMatchObject([{ code: 'shared-core' }]);
    expect(sharedCores(0.66, { maxStealRatio: 0.5 })).toEqual([]);
    expect(sharedCores(0, { maxStealRatio: 1 })).toEqual([]);
  });
});
