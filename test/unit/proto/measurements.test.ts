import { expect, test } from 'vitest';
import { parseRecord } from '../../../proto/convert.js';
import { completeTrial } from '../../support/records.js';

const record = { ...completeTrial({ watts: 20 }), trialId: 't1' };
const [[name, one] = ['', {}]] = Object.entries(record.measurements).filter(
  ([, { value }]) => value !== null,
);
const withMeasurement = (measurement: unknown, key = name) =>
  JSON.stringify({ ...record, measurements: { ...record.measurements, [key]: measurement } });

test('measurements as agents write them come through as they are', () => {
  expect(parseRecord(JSON.stringify(record)).measurements).toEqual(record.measurements);
});

test('a field that is not known is left out, one of a row is kept, by the schema', () => {
  const { [name]: read } = parseRecord(withMeasurement({ ...one, asMeasured: 1, later: 2 })).measurements;
  expect(read).toEqual({ ...one, asMeasured: 1 });
});

test.each([
  ['no unit', { ...one, unit: undefined }],
  ['half a repeat', { ...one, n: 0.5 }],
  ['an interval of three', { ...one, ci95: [1, 2, 3] }],
  ['words among samples', { ...one, samples: [1, 'two'] }],
  ['nothing, and no reason', { value: null, unit: 'second' }],
  ['a list', []],
  ['null', null],
])('%s is refused with the name of the measurement', (_, measurement) => {
  expect(() => parseRecord(withMeasurement(measurement))).toThrow(new RegExp(`measurements\\.${name}`));
});

test('what has the name of the prototype is refused or kept, and changes nothing else', () => {
  const text = JSON.stringify(record).replace(
    '"measurements":{',
    '"measurements":{"__proto__":{"polluted":true},',
  );
  let read: unknown = null;
  try {
    read = parseRecord(text).measurements;
  } catch {
    // Refused.
  }
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect((read as { polluted?: boolean } | null)?.polluted).toBeUndefined();
});
