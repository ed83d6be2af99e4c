import { expect, test } from 'vitest';
import { isPresent, type ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import { cellText } from '../../../report/columns.js';
import type { LivePart } from '../../../report/live/live.js';
import { PartPacker, unpackPart } from '../../../report/live/pack.js';
import { quotedOf, reasonOf } from '../../../report/quoted.js';
import type { Report, ReportRequest } from '../../../report/report.js';
import { halfOf } from '../../../report/scale.js';
import type { Details } from '../../../report/trim.js';
import { sweepRecords } from '../../support/sweep-records.js';

const request = {
  sweepName: 'reference',
  objectives: [
    { metric: 'decodeTokensPerSecond', better: 'max' },
    { metric: 'peakResidentBytes', better: 'min' },
  ],
} as const;

function packParts(
  records: readonly ResultRecord[],
  given: ReportRequest,
  details: Pick<Details, 'tokenSeconds'>,
): LivePart[] {
  const packer = new PartPacker(given, details);
  for (const record of records) packer.add(record);
  return packer.take();
}

/** Everything of a report that its table and its plots show. */
function shown({ rows, axes, metrics, ...rest }: Report): unknown {
  const { controls, objectives: _, ...said } = rest;
  return {
    ...said,
    controls: controls.map(({ trialId }) => trialId),
    axes,
    metrics,
    rows: rows.map((row) => ({
      number: row.number,
      label: row.label,
      state: row.state,
      front: [row.onFront, row.offFront],
      warnings: row.warnings,
      trial: [
        row.trial.trialId,
        row.trial.failure,
        row.trial.repeats.count,
        row.trial.node,
        row.trial.device,
      ],
      others: row.others.map(({ trialId }) => trialId),
      axes: axes.map((axis) => cellText(axis, row.axes[axis.name])),
      reasons: metrics.map(({ name }) => reasonOf(row, name)),
      sources: metrics.map(({ name }) => {
        const entry = row.trial.measurements[name];
        return isPresent(entry) ? [entry.source, entry.n, entry.ci95 !== null] : null;
      }),
    })),
  };
}

function expectNear(got: number | null, wanted: number | null, relative: number): void {
  if (got === null || wanted === null) expect(got).toBe(wanted);
  else expect(Math.abs(got - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * relative);
}

test('summaries show what whole records show, and are a fraction of them', () => {
  const records = sweepRecords({ experiments: 60, watts: 80 });
  const parts = [0, 25, 50, 75].flatMap((from) =>
    packParts(records.slice(from, from + 25), request, { tokenSeconds: 0 }),
  );
  expect(parts.filter((part) => 'kind' in part).length).toBeGreaterThan(1);
  const text = JSON.stringify(parts);
  const got = (JSON.parse(text) as typeof parts).flatMap(unpackPart);
  const [report, whole] = [buildReport(got, request), buildReport(records, request)];
  expect(shown(report)).toEqual(shown(whole));
  for (const [i, row] of whole.rows.entries()) {
    for (const { name } of whole.metrics) {
      const same = report.rows[i];
      if (same === undefined) throw new Error('a row is missing');
      expectNear(quotedOf(same, name)?.value ?? null, quotedOf(row, name)?.value ?? null, 1e-5);
      const [got, wanted] = [quotedOf(same, name)?.interval ?? null, quotedOf(row, name)?.interval ?? null];
      expectNear(got && halfOf(got), wanted && halfOf(wanted), 1e-3);
    }
  }
  const measured = records.filter(({ sweep }) => sweep.purpose === 'measure');
  const summaries = JSON.stringify(packParts(measured, request, { tokenSeconds: 0 }));
  expect(summaries.length / measured.length).toBeLessThan(1500);
});

test('a summary keeps what a record does not have apart from what is null', () => {
  const [plain, set] = sweepRecords({ experiments: 4 }).filter(({ sweep }) => sweep.purpose === 'measure');
  if (plain === undefined || set === undefined) throw new Error('no records');
  const settings = [
    {
      name: 'powerCapWatts',
      part: 'package-0',
      found: 300,
      set: 200,
      readBack: 200,
      atEnd: 200,
      restored: true,
    },
  ] as const;
  const { energyJoules: _, ...fewer } = plain.measurements;
  const parts = packParts(
    [
      { ...plain, measurements: fewer },
      { ...set, settings: [...settings] },
    ],
    request,
    { tokenSeconds: 0 },
  );
  const [first, second] = parts.flatMap(unpackPart);
  expect(first).not.toHaveProperty('settings');
  expect(second?.settings).toEqual(settings);
  expect(first?.measurements).not.toHaveProperty('energyJoules');
  expect(second?.measurements.energyJoules).toEqual(set.measurements.energyJoules);
  expect(second?.failure).toBe(set.failure);
});
