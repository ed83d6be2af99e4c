import { expect, test } from 'vitest';
import { buildReport } from '../../../report/build.js';
import { liveDetails, packLive } from '../../../report/live/pack.js';
import { unpack } from '../../../report/payload.js';
import { sweepRecords } from '../../support/sweep-records.js';

const request = { sweepName: 'reference', objectives: [] };

test('parts that are packed apart give the report of all, without readings', () => {
  const records = sweepRecords({ experiments: 24, watts: 80 });
  const details = liveDetails(24);
  const parts = [0, 10, 20, 30].map((from) => packLive(records.slice(from, from + 10), request, details));
  const got = parts.flatMap(unpack);
  expect(got.map((record) => record.trialId)).toEqual(records.map((record) => record.trialId));
  expect(got.every((record) => record.samples.length === 0)).toBe(true);
  const values = (report: ReturnType<typeof buildReport>) =>
    report.rows.map((row) => [row.state, row.warnings, row.trial.measurements.decodeTokensPerSecond?.value]);
  expect(values(buildReport(got, request))).toEqual(values(buildReport(records, request)));
});

test('many results carry quantiles of the times between tokens, few all of them', () => {
  const record = sweepRecords({ experiments: 1 }).find(({ sweep }) => sweep.purpose === 'measure');
  if (record === undefined) throw new Error('no record');
  const tokens = (results: number) =>
    unpack(packLive([record], request, liveDetails(results)))[0]?.tokenSeconds ?? [];
  expect(tokens(1).map((repeat) => repeat.length)).toEqual(record.tokenSeconds.map((r) => r.length));
  expect(tokens(1000).map((repeat) => repeat.length)).toEqual([101]);
  expect(Math.max(...tokens(1000).flat())).toBeCloseTo(Math.max(...record.tokenSeconds.flat()), 5);
});
