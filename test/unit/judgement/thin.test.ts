import { describe, expect, test } from 'vitest';
import { recompute } from '../../../batching/judge.js';
import { failed } from '../../../core/errors.js';
import { type ResultRecord, resultSchema, type SampleSeries } from '../../../core/result/result.js';
import { isTooLarge, tooLargeRecord } from '../../../core/result/too-large.js';
import { canRecompute } from '../../../judgement/judge.js';
import { isThinned, RAW_SAMPLE_BYTES, thinned } from '../../../judgement/thin.js';
import { aLease, aRecord } from '../../support/wire-records.js';

const series = (quantity: string, length: number): SampleSeries => ({
  meter: 'rapl',
  quantity,
  unit: 'J',
  kind: 'counter',
  periodSeconds: 0.01,
  seconds: Array.from({ length }, (_, i) => i / 97),
  values: Array.from({ length }, (_, i) => i / 7),
});

/** 8192 tokens and 100 repeats: a plain sweep, and 13 MB of step times. */
const LONG: ResultRecord = {
  ...aRecord(aLease('t')),
  tokenSeconds: Array.from({ length: 100 }, (_, repeat) =>
    Array.from({ length: 8192 }, (_, i) => (repeat * 8192 + i + 1) / 3e6),
  ),
  samples: [series('energyJoules', 8192), series('other', 100)],
};

const rawBytes = ({ samples, tokenSeconds }: ResultRecord) =>
  JSON.stringify(samples).length + JSON.stringify(tokenSeconds).length;

describe('raw samples of a record', () => {
  test('are left as they are where they fit', () => {
    const record = aRecord(aLease('t'));
    expect(thinned(record)).toBe(record);
  });

  test('are kept within the budget, with a note of what was left out; figures stay', () => {
    expect(rawBytes(LONG)).toBeGreaterThan(1.5 * RAW_SAMPLE_BYTES);
    const kept = thinned(LONG);
    expect(rawBytes(kept)).toBeLessThanOrEqual(RAW_SAMPLE_BYTES);
    expect(rawBytes(kept)).toBeGreaterThan(RAW_SAMPLE_BYTES / 4);
    expect(kept.measurements).toEqual(LONG.measurements);
    expect(kept.tokenSeconds).toHaveLength(100);
    for (const [i, repeat] of kept.tokenSeconds.entries()) {
      expect(repeat[0]).toBe(LONG.tokenSeconds[i]![0]);
      expect(repeat.at(-1)).toBe(LONG.tokenSeconds[i]!.at(-1));
    }
    // A counter tells the same growth over the whole, and short series are whole.
    expect(kept.samples[0]!.values.at(-1)).toBe(LONG.samples[0]!.values.at(-1));
    expect(kept.samples[0]!.seconds).toHaveLength(kept.samples[0]!.values.length);
    expect(kept.samples[1]).toEqual(LONG.samples[1]);
    const [note] = kept.warnings;
    expect(note).toMatchObject({ code: 'raw-thinned', severity: 'note' });
    expect(note?.message).toMatch(/of 819200 times of steps are kept.*8\.00 MiB/);
    expect(kept.valid).toBe(true);
    expect(resultSchema.safeParse(kept).success).toBe(true);
  });

  test('give way in turn: readings of meters first', () => {
    const record = { ...LONG, tokenSeconds: LONG.tokenSeconds.slice(0, 1) };
    const budget = rawBytes(record) - 100_000;
    const kept = thinned(record, budget);
    expect(rawBytes(kept)).toBeLessThanOrEqual(budget);
    expect(kept.tokenSeconds).toEqual(record.tokenSeconds);
    expect(kept.samples[0]!.values.length).toBeLessThan(8192);
  });

  test('that are not whole are not computed from again', () => {
    const given: NonNullable<ResultRecord['given']> = {
      modelBytes: null,
      parameters: null,
      kvCacheBytes: null,
      adapterLoadSeconds: null,
      baseBytes: null,
      warmupSettled: true,
      cores: 1,
      roofline: null,
      idleWatts: {},
      warnings: [],
    };
    const whole = { ...aRecord(aLease('t')), given };
    expect(canRecompute(whole)).toBe(true);
    const part = thinned({ ...LONG, given });
    expect(isThinned(part)).toBe(true);
    expect(canRecompute(part)).toBe(false);
    expect(recompute(part)).toBe(part);
  });
});

test('a record stands for one that is too large: the same trial, failed, small, and a record like any other', () => {
  const short = tooLargeRecord(LONG, 'the log takes 1 MB');
  expect(JSON.stringify(short).length).toBeLessThan(5_000);
  expect(short).toMatchObject({
    trialId: 't',
    status: 'failed',
    failure: { code: 'too-large' },
    valid: false,
  });
  expect(short.measurements.decodeTokensPerSecond).toMatchObject({
    value: null,
    reason: 'the log takes 1 MB',
  });
  expect(resultSchema.safeParse(short).success).toBe(true);
  expect(isTooLarge(failed('too-large', 'x'))).toBe(true);
  expect(isTooLarge(failed('disk-full', 'x'))).toBe(false);
});
