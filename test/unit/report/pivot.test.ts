import { describe, expect, test } from 'vitest';
import { buildReport } from '../../../report/build.js';
import { pivotOf } from '../../../report/pivot.js';
import { quotedOf } from '../../../report/quoted.js';
import type { Row } from '../../../report/rows.js';
import { sweepRecords } from '../../support/sweep-records.js';

const report = buildReport(sweepRecords({ experiments: 24 }), { sweepName: 's', objectives: [] });
const axis = (name: string) => report.axes.find((a) => a.name === name)!;
const metric = (name: string) => report.metrics.find((m) => m.name === name)!;
const inCell = (down: unknown, across: unknown) =>
  report.rows.filter(
    (row) => row.state === 'valid' && row.axes.quantization === down && row.axes.parallel === across,
  );
const values = (rows: readonly Row[], name: string) =>
  rows.map((row) => quotedOf(row, name)?.value ?? Number.NaN);

describe('pivot', () => {
  const of = (name: string, pick: 'best' | 'worst' | 'median' | 'count') =>
    pivotOf(report.rows, axis('quantization'), axis('parallel'), metric(name), pick).cells;

  test('best is the largest rate and the shortest time, worst the other end, and names its row', () => {
    const [rates, times] = [of('decodeTokensPerSecond', 'best'), of('timeToFirstTokenSeconds', 'best')];
    const slowest = of('decodeTokensPerSecond', 'worst');
    for (const [i, down] of axis('quantization').values.entries()) {
      for (const [k, across] of axis('parallel').values.entries()) {
        const own = inCell(down, across);
        expect(rates[i]?.[k]?.value).toBe(Math.max(...values(own, 'decodeTokensPerSecond')));
        expect(times[i]?.[k]?.value).toBe(Math.min(...values(own, 'timeToFirstTokenSeconds')));
        expect(slowest[i]?.[k]?.value).toBe(Math.min(...values(own, 'decodeTokensPerSecond')));
        expect(quotedOf(rates[i]![k]!.row!, 'decodeTokensPerSecond')?.value ?? null).toBe(
          rates[i]?.[k]?.value,
        );
        expect(rates[i]?.[k]?.count).toBe(own.length);
      }
    }
  });

  test('a median of two lies between them, and rows that are invalid or failed do not count', () => {
    const own = values(inCell('f16', 1), 'decodeTokensPerSecond');
    expect(own).toHaveLength(2);
    expect(of('decodeTokensPerSecond', 'median')[0]?.[0]?.value).toBeCloseTo((own[0]! + own[1]!) / 2, 12);
    const counted = of('decodeTokensPerSecond', 'count').flat();
    expect(counted.reduce((sum, cell) => sum + (cell.value ?? 0), 0)).toBe(report.counts.valid);
  });

  test('one column where nothing goes across, and no number where no valid row is', () => {
    const one = pivotOf(report.rows, axis('quantization'), null, metric('decodeTokensPerSecond'), 'count');
    expect(one.cells.every((line) => line.length === 1)).toBe(true);
    const failed = report.rows.filter(({ state }) => state !== 'valid');
    const none = pivotOf(
      failed,
      axis('quantization'),
      axis('parallel'),
      metric('decodeTokensPerSecond'),
      'best',
    );
    expect(none.cells.flat().every(({ value, row }) => value === null && row === null)).toBe(true);
  });
});
