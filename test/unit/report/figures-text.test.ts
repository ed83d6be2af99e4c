import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ResultRecord } from '../../../core/result/result.js';
import { splitFigures } from '../../../report/csv-table.js';
import { forAll } from '../../support/for-all.js';
import { completeTrial, failedTrial } from '../../support/records.js';

const record = completeTrial({ watts: 80 });

function withEntry(entry: object): ResultRecord {
  return { ...record, measurements: { ...record.measurements, entry } as ResultRecord['measurements'] };
}

test.each([
  ['complete', record],
  ['failed', failedTrial()],
])(
  'the figures of a %s record are read off its text, and the rest is the record without them',
  (_, given) => {
    const split = splitFigures(JSON.stringify(given));
    expect(JSON.parse(split?.rest ?? '')).toEqual({ ...given, measurements: {} });
    const entries = [...(split?.figures ?? [])].map(([name, { entry }]) => [name, JSON.parse(entry)]);
    expect(entries).toEqual(Object.entries(given.measurements));
    for (const [name, { value, low, high }] of split?.figures ?? []) {
      const entry = given.measurements[name];
      expect(value).toBe(entry?.value == null ? null : String(entry.value));
      const ends = entry?.value == null ? undefined : entry.ci95?.map(String);
      expect([low, high]).toEqual(ends ?? [undefined, undefined]);
    }
  },
);

test('numbers of every size and texts with quotes, brackets and backslashes are read as they are', () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  const text = fc.oneof(fc.string(), fc.constantFrom('"},"x":{', '\\', '\\"', '"measurements":{', ']}'));
  forAll(100, [number, number, text, text], (a, b, unit, source) => {
    const spread = { mean: b, median: a, stddev: b, cv: null, ci95: [a, b], samples: [a, b, 0] };
    const given = withEntry({ value: a, unit, n: 3, ...spread, source });
    const reasons = { ...given, absent: { energy: source } };
    const split = splitFigures(JSON.stringify(reasons));
    expect(split?.figures.get('entry')).toMatchObject({
      value: String(a),
      low: String(a),
      high: String(b),
    });
    expect(JSON.parse(split?.rest ?? '')).toEqual({ ...reasons, measurements: {} });
  });
});

test('what is written in another way is left to a parser', () => {
  const { unit: _, ...bare } = record.measurements.loadSeconds ?? { unit: '' };
  for (const other of [
    JSON.stringify(record, null, 1),
    JSON.stringify(withEntry(bare)),
    JSON.stringify(withEntry({ unit: 's', value: 1 })),
    JSON.stringify({ ...record, measurements: {} }),
    JSON.stringify({}),
    '',
  ]) {
    expect(splitFigures(other)).toBeNull();
  }
});
