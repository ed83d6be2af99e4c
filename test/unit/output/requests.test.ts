import { describe, expect, test } from 'vitest';
import { EXPORTERS } from '../../../cli/output/index.js';
import { requestsOf } from '../../../core/serving/record.js';
import { buildReport } from '../../../report/build.js';
import { jsonLines } from '../../support/reading.js';
import { completeTrial } from '../../support/records.js';
import { servedTrial } from '../../support/served-records.js';

describe('requests', () => {
  const served = [servedTrial({ concurrency: 2 }), servedTrial({ concurrency: 4, failsEach: 10 })];

  test('a line for each request of each start, with all that was stamped', () => {
    const report = buildReport(served, { sweepName: 's', objectives: [] });
    const { text, notes } = EXPORTERS.requests(report);
    const lines = jsonLines(text);
    expect(notes).toEqual([]);
    expect(lines).toHaveLength(80);
    for (const { experimentId, starts, number } of report.rows) {
      const own = lines.filter(({ experiment }) => experiment === experimentId);
      const raw = own.map(({ experiment: _, trial, row, start, axes: __, ...request }) => {
        expect([trial, row, start]).toEqual([starts[0]!.trialId, number, 0]);
        return request;
      });
      expect(raw).toEqual(requestsOf(starts[0]!.serving!.requests));
    }
  });

  test('rows that asked no server are named and left out', () => {
    const report = buildReport([served[0]!, completeTrial()], { sweepName: 's', objectives: [] });
    const { text, notes } = EXPORTERS.requests(report);
    expect(text.trimEnd().split('\n')).toHaveLength(40);
    expect(notes).toEqual(['1 row was left out: no server was asked']);
  });
});

test('csv and json of served rows hold every metric of serving that the record has', () => {
  const report = buildReport(
    [servedTrial({ concurrency: 2, requests: 200 }), servedTrial({ concurrency: 4, requests: 200 })],
    { sweepName: 's', objectives: [] },
  );
  const [head = [], first = []] = EXPORTERS.csv(report)
    .text.split('\r\n')
    .map((line) => line.split(','));
  // An open loop is asked for what is measured of it, too.
  expect(new Set(head).size).toBe(head.length);
  const { measurements } = report.rows[0]!.trial;
  const known = Object.entries(measurements).filter(([, { value }]) => value !== null);
  expect(known.map(([name]) => name)).toContain('scheduledTimeToFirstTokenP99Seconds');
  for (const [name, { value }] of known)
    expect(Number(first.at(head.indexOf(name) - head.length))).toBe(value);
  const { rows } = JSON.parse(EXPORTERS.json(report).text) as {
    rows: { measurements: Record<string, { value: number | null }> }[];
  };
  for (const [name, { value }] of known) expect(rows[0]!.measurements[name]?.value).toBe(value);
});
