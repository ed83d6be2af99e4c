import { expect, test } from 'vitest';
import type { ResultRecord } from '../../../core/result/result.js';
import type { Objective } from '../../../core/sweep/spec.js';
import { buildReport } from '../../../report/build.js';
import { csvText } from '../../../report/csv.js';
import { CsvTable } from '../../../report/csv-table.js';
import { completeTrial, failedTrial } from '../../support/records.js';
import { sweepRecords } from '../../support/sweep-records.js';
import { techniqueRecords } from '../../support/technique-records.js';

const OBJECTIVES: readonly Objective[] = [
  { metric: 'decodeTokensPerSecond', better: 'max' },
  { metric: 'perplexity', better: 'min' },
];

/** As a control whose block drifted. */
function slower({ experiment, sweep: { position, block } }: ResultRecord): ResultRecord {
  return completeTrial({ experiment, position, block, purpose: 'control', slower: 1.2 });
}

/** The point on a workload that has another option, as of a sweep with several workloads. */
function otherWorkload(record: ResultRecord): ResultRecord {
  const workload = { kind: 'throughput', options: { requests: 12 } };
  return { ...record, experiment: { ...record.experiment, workload } };
}

const base = sweepRecords({ experiments: 40, watts: 80 });
const SWEEPS: Readonly<Record<string, readonly ResultRecord[]>> = {
  'failures, retries and warnings': base,
  'two nodes': base.map((record, i) =>
    i % 5 === 0 ? { ...record, node: { ...record.node, name: 'other' } } : record,
  ),
  'controls that drift': base.map((record) =>
    record.sweep.purpose === 'control' && record.sweep.block % 2 === 1 ? slower(record) : record,
  ),
  'several workloads': base.map((record, i) => (i % 3 === 0 ? otherWorkload(record) : record)),
  'results taken over from another sweep': base.map((record, i) =>
    i % 4 === 0 ? { ...record, sweep: { ...record.sweep, id: 'sanother', position: 3 * i } } : record,
  ),
  'qualities of techniques, some of them missing': techniqueRecords(),
  'failures alone': [0, 1, 2].map((position) => failedTrial({ position })),
  'nothing at all': [],
};

test.each(Object.keys(SWEEPS))(
  'the CSV of records that came one by one is that of their report: %s',
  (name) => {
    const records = SWEEPS[name] ?? [];
    for (const objectives of [[], OBJECTIVES.slice(0, 1), OBJECTIVES]) {
      const request = { sweepName: 'reference', objectives };
      const table = new CsvTable(request);
      for (const record of records) table.add(JSON.stringify(record), JSON.parse);
      expect([...table.pieces()].join('')).toBe(csvText(buildReport(records, request)));
    }
  },
);

test('a record whose text is laid out in another way, or names measurements twice, makes the same line', () => {
  const request = { sweepName: 'reference', objectives: OBJECTIVES };
  const nested = (record: ResultRecord): object => ({
    before: { measurements: record.measurements },
    ...record,
  });
  const lines = (text: (record: ResultRecord) => string): string => {
    const table = new CsvTable(request);
    for (const record of base) table.add(text(record), JSON.parse);
    return [...table.pieces()].join('');
  };
  const wanted = csvText(buildReport(base, request));
  expect(lines((record) => JSON.stringify(record, null, 1))).toBe(wanted);
  expect(lines((record) => JSON.stringify(nested(record)))).toBe(wanted);
});
