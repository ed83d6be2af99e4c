import { describe, expect, test } from 'vitest';
import type { Measurement, ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import { csvText } from '../../../report/csv.js';
import { CsvTable } from '../../../report/csv-table.js';
import { IncrementalReport } from '../../../report/incremental/report.js';
import { intervalLegend } from '../../../report/interval-legend.js';
import { calmName, quotedOf } from '../../../report/quoted.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial } from '../../support/records.js';

const DECODE = 'decodeTokensPerSecond';
const read = (value: number): Measurement => ({
  value,
  unit: 'ratio',
  n: 9,
  mean: value,
  median: value,
  stddev: null,
  cv: null,
  samples: null,
  ci95: null,
  source: 'sampled',
});

/**
 * Three starts of each of some rows on a machine whose neighbour comes and goes: what it takes is a third
 * more than it leaves.
 */
function noisy(rows: number, lost: (row: number, block: number) => number): ResultRecord[] {
  return Array.from({ length: 3 }, (_, block) =>
    Array.from({ length: rows }, (__, position) => {
      const lack = lost(position, block);
      const slower = Math.exp(0.8 * lack + 0.01 * (((position * 7 + block * 5) % 3) - 1));
      const trial = completeTrial({
        experiment: experimentOf({ parallel: 1 + position }),
        position,
        block,
        attempt: block + 1,
        slower,
      });
      return { ...trial, measurements: { ...trial.measurements, coreShareRatio: read(1 - lack) } };
    }),
  ).flat();
}

const request = { sweepName: 's', objectives: [{ metric: DECODE, better: 'max' as const }] };
const mixed = noisy(6, (row, block) => ((row + block) % 3) * 0.15);

describe('rows beside neighbours', () => {
  test('stand at the readings they share, with what was measured, the factor, and the number of a calm machine', () => {
    const calm = buildReport(
      noisy(6, () => 0),
      request,
    );
    const { rows } = buildReport(mixed, request);
    for (const [i, row] of rows.entries()) {
      const { asMeasured, adjustedBy } = quotedOf(row, DECODE)!;
      expect(asMeasured! * adjustedBy!).toBeCloseTo(quotedOf(row, DECODE)!.value, 9);
      expect(
        Math.abs(Math.log(quotedOf(row, calmName(DECODE))!.value / quotedOf(calm.rows[i]!, DECODE)!.value)),
      ).toBeLessThan(0.03);
      expect(Math.log(asMeasured! / quotedOf(calm.rows[i]!, DECODE)!.value)).toBeLessThan(-0.03);
    }
    expect(intervalLegend(rows, [{ name: DECODE, label: 'decode' }])).toContain('another run here');
  });

  test('have no ends of an interval in CSV where it spans orders of magnitude', () => {
    const report = buildReport(mixed, request);
    const { trial } = report.rows[0]!;
    const entry = trial.measurements[DECODE] as Measurement;
    const calm = { value: entry.calm!.value, ci95: [entry.calm!.value / 2, 1e22] as [number, number] };
    const measurements = { ...trial.measurements, [DECODE]: { ...entry, calm } };
    const unbounded = { ...report.rows[0]!, trial: { ...trial, measurements } };
    const [head, first] = csvText({ ...report, rows: [unbounded] })
      .split('\r\n')
      .map((line) => line.split(','));
    const cellOf = (name: string) => first![head!.indexOf(name)];
    expect(Number(cellOf(calmName(DECODE)))).toBe(calm.value);
    expect([cellOf(`${calmName(DECODE)}Ci95Low`), cellOf(`${calmName(DECODE)}Ci95High`)]).toEqual(['', '']);
    expect(Number(cellOf(`${DECODE}Ci95High`))).toBeGreaterThan(0);
  });

  test('are disturbed where they are adjusted by more than a tenth, though no start has a warning', () => {
    const { rows, counts } = buildReport(
      noisy(3, (row) => row * 0.2),
      request,
    );
    expect(rows.map(({ grade }) => grade)).toEqual(['clean', 'disturbed', 'disturbed']);
    expect(counts.disturbed).toBe(2);
  });

  test('are the same in whichever parts records come, in a CSV, too', () => {
    const whole = buildReport(mixed, request);
    const growing = new IncrementalReport(request);
    for (const record of [...mixed].reverse()) {
      growing.add([record]);
      growing.report();
    }
    expect(growing.report().rows).toEqual(whole.rows);
    const table = new CsvTable(request);
    for (const record of mixed) table.add(JSON.stringify(record), JSON.parse);
    expect([...table.pieces()].join('')).toBe(csvText(whole));
    expect(csvText(whole).split('\r\n')[0]).toContain(
      `,${DECODE}AsMeasured,${DECODE}AdjustedBy,${DECODE}Calm,${DECODE}CalmCi95Low,${DECODE}CalmCi95High,`,
    );
  });
});
