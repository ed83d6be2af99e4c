import { describe, expect, test } from 'vitest';
import { EXPORTERS } from '../../../cli/output/index.js';
import { renderTable } from '../../../cli/output/table.js';
import { metricValue } from '../../../core/result/result.js';
import { warn } from '../../../core/result/warnings.js';
import type { Objective } from '../../../core/sweep/spec.js';
import { buildReport } from '../../../report/build.js';
import { quotedOf } from '../../../report/quoted.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial, failedTrial } from '../../support/records.js';
import { techniqueRecords } from '../../support/technique-records.js';

const objectives: Objective[] = [
  { metric: 'decodeTokensPerSecond', better: 'max' },
  { metric: 'perplexity', better: 'min' },
  { metric: 'modelBytes', better: 'min' },
];

describe('front of speed, quality and size', () => {
  const report = buildReport(techniqueRecords(), { sweepName: 's', objectives });

  test('a row is on it when no other is as good in all three and better in one', () => {
    const cost = (i: number) =>
      objectives.map(
        ({ metric, better }) => (better === 'min' ? 1 : -1) * (quotedOf(report.rows[i]!, metric)?.value ?? 0),
      );
    const beaten = (i: number) =>
      report.rows.some((_, k) => {
        const [a, b] = [cost(k), cost(i)];
        return a.every((v, d) => v <= b[d]!) && a.some((v, d) => v < b[d]!);
      });
    expect(report.rows.map((row) => row.onFront)).toEqual(report.rows.map((_, i) => !beaten(i)));
    const front = report.rows.filter((row) => row.onFront).length;
    expect(front).toBeGreaterThan(2);
    expect(front).toBeLessThan(report.rows.length);
  });

  test('a row that misses a bound of the search is off the front, beats nobody, and says so', () => {
    const best = report.rows
      .filter(({ onFront }) => onFront)
      .map((row) => quotedOf(row, 'modelBytes')!.value);
    const atMost = (Math.min(...best) + Math.max(...best)) / 2;
    const bounds = [{ metric: 'modelBytes', atMost, atLeast: null }];
    const bounded = buildReport(techniqueRecords(), { sweepName: 's', objectives, bounds });
    const alone = techniqueRecords().filter((record) => metricValue(record, 'modelBytes')! <= atMost);
    const front = buildReport(alone, { sweepName: 's', objectives }).rows.filter(({ onFront }) => onFront);
    const ids = (rows: readonly { experimentId: string }[]) => rows.map(({ experimentId }) => experimentId);
    expect(ids(bounded.rows.filter(({ onFront }) => onFront))).toEqual(ids(front));
    const beyond = bounded.rows.filter((row) => quotedOf(row, 'modelBytes')!.value > atMost);
    expect(beyond.length).toBeGreaterThan(0);
    for (const { offFront } of beyond)
      expect(offFront).toBe(`it misses a bound of the search: modelBytes at most ${atMost} B`);
    expect(bounded.unplaced).toEqual([
      {
        metric: 'modelBytes',
        why: 'beyond',
        reason: `at most ${atMost} B`,
        rows: beyond.map(({ number }) => number),
      },
    ]);
    expect(renderTable(bounded, { width: 160, color: false, unicode: true })).toContain(
      `not on the front by a bound of the search: modelBytes at most ${atMost} B`,
    );
  });

  test('each other row names a row that beats it', () => {
    for (const row of report.rows) {
      if (row.onFront) expect(row.offFront).toBeNull();
      else expect(row.offFront).toMatch(/^row \d+ is as good in every objective and better in one$/);
    }
  });

  test('a row without an objective is off the front, with the reason, everywhere', () => {
    const [measured] = techniqueRecords();
    if (measured === undefined) throw new Error('no record');
    const reason = 'the sweep asks for no quality';
    const bare = completeTrial({ experiment: experimentOf({ threads: 2 }), position: 40 });
    bare.measurements.perplexity = { value: null, unit: 'ratio', reason };
    const doubtful = completeTrial({ position: 41, warnings: [warn('provider-fallback', 'elsewhere')] });
    const failed = failedTrial({ experiment: experimentOf({ threads: 8 }), position: 42 });
    const mixed = buildReport([measured, bare, doubtful, failed], { sweepName: 's', objectives });
    expect(mixed.rows.map((row) => row.offFront)).toEqual([
      null,
      `it has no perplexity: ${reason}`,
      'it is invalid',
      'it failed',
    ]);
    expect(mixed.unplaced).toEqual([{ metric: 'perplexity', why: 'lacking', reason, rows: [2] }]);
    const sentence = `1 row without perplexity not on the front: ${reason}`;
    expect(renderTable(mixed, { width: 160, color: false, unicode: true })).toContain(sentence);
    expect(EXPORTERS.md(mixed).text).toContain(sentence);
    expect(EXPORTERS.csv(mixed).text).toContain(`it has no perplexity: ${reason}`);
    expect(JSON.parse(EXPORTERS.json(mixed).text).rows[1].notOnFrontBecause).toContain(reason);
  });
});
