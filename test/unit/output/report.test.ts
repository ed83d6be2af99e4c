import { describe, expect, test } from 'vitest';
import type { Measurement, ResultRecord } from '../../../core/result/result.js';
import { warn } from '../../../core/result/warnings.js';
import type { Objective } from '../../../core/sweep/spec.js';
import { regraded } from '../../../judgement/regrade.js';
import { buildReport } from '../../../report/build.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial, failedTrial } from '../../support/records.js';
import { sweepRecords } from '../../support/sweep-records.js';
import { calmInput, recordOf } from '../judgement/trace.js';

const objectives: Objective[] = [
  { metric: 'decodeTokensPerSecond', better: 'max' },
  { metric: 'modelBytes', better: 'min' },
];
const build = (records: Parameters<typeof buildReport>[0]) =>
  buildReport(records, { sweepName: 's', objectives });

describe('report', () => {
  test('a sweep becomes one row per experiment, in the order of the sweep, whatever order records come in', () => {
    const records = sweepRecords({ experiments: 24 });
    const report = build(records);
    expect(report.rows).toHaveLength(24);
    expect(report.rows.map((row) => row.trial.sweep.position)).toEqual([...Array(24).keys()]);
    expect(build([...records].reverse())).toEqual(report);
    expect(report.counts).toEqual({
      experiments: 24,
      valid: 22,
      disturbed: 3,
      invalid: 1,
      failed: 1,
      trials: records.length,
    });
  });

  test('an invalid first trial gives way to the valid retry, which keeps it beside itself', () => {
    const doubt = warn('provider-fallback', 'most of it ran on the CPU');
    const first = completeTrial({ attempt: 1, warnings: [doubt] });
    const second = completeTrial({ attempt: 2 });
    const [row] = build([first, second]).rows;
    expect(row?.trial.trialId).toBe(second.trialId);
    expect(row?.state).toBe('valid');
    expect(row?.others.map((t) => t.trialId)).toEqual([first.trialId]);
  });

  test('a failed experiment quotes its last trial and has no place on the front', () => {
    const records = [failedTrial({ attempt: 1 }), failedTrial({ attempt: 2 })];
    const [row] = build(records).rows;
    expect(row?.state).toBe('failed');
    expect(row?.trial.sweep.attempt).toBe(2);
    expect(row?.onFront).toBe(false);
  });

  test('an invalid row that would win stands neither on the front nor in its way; a disturbed one may stand on it', () => {
    const doubt = warn('provider-fallback', 'elsewhere');
    const slow = completeTrial({ experiment: experimentOf({ threads: 2 }), position: 0 });
    const fast = completeTrial({
      experiment: experimentOf({ threads: 6 }),
      position: 1,
      slower: 0.5,
      warnings: [doubt],
    });
    const report = build([slow, fast]);
    expect(report.rows.map((row) => row.onFront)).toEqual([true, false]);
    expect(report.notes.map((note) => [note.code, note.rows])).toEqual([['provider-fallback', [2]]]);
    const hot = regraded({ ...fast, warnings: [warn('thermal-throttle', 'hot')] });
    expect(build([slow, hot]).rows.map((row) => row.onFront)).toEqual([false, true]);
  });

  test('without objectives nothing is marked', () => {
    const report = buildReport(sweepRecords({ experiments: 8 }), { sweepName: 's', objectives: [] });
    expect(report.rows.some((row) => row.onFront)).toBe(false);
  });

  test('axes that vary are columns, the others a caption', () => {
    const report = build(sweepRecords({ experiments: 24 }));
    expect(report.axes.map((axis) => axis.name)).toEqual(['quantization', 'flashAttention', 'parallel']);
    expect(report.constants).toContainEqual({ name: 'promptTokens', value: 256 });
    expect(report.constants.map((c) => c.name)).not.toContain('node');
  });

  test('a second node becomes a column although no axis asked for it', () => {
    const report = build([
      completeTrial({ experiment: experimentOf({ threads: 2 }), position: 0, node: 'a' }),
      completeTrial({ experiment: experimentOf({ threads: 4 }), position: 1, node: 'b' }),
    ]);
    expect(report.axes.find((axis) => axis.name === 'node')?.values).toEqual(['a', 'b']);
    expect(report.place.nodes).toEqual(['a', 'b']);
  });

  test('drift controls are no rows, and drift is one headline of the sweep', () => {
    const threads = [1, 2, 3, 4];
    const pass = (block: number, slower: number) => [
      ...threads.map((t, position) =>
        completeTrial({
          experiment: experimentOf({ threads: t }),
          position,
          block,
          slower,
          attempt: block + 1,
        }),
      ),
      completeTrial({ experiment: experimentOf(), purpose: 'control', block, slower, attempt: block + 1 }),
    ];
    const report = build([...pass(0, 1), ...pass(1, 1.3), ...pass(2, 1)]);
    expect(report.rows).toHaveLength(4);
    expect(report.controls).toHaveLength(3);
    expect(report.rows.map(({ starts, state }) => [starts.length, state])).toEqual(
      threads.map(() => [3, 'valid']),
    );
    expect(report.headlines[0]).toMatch(
      /^bench-01 ran (prefill|decode) 2\d\.\d % slower during block 2 of 3 than/,
    );
    expect(report.rows.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  test('rows of one start are quick where the sweep asks for one, and a first pass where it asks for more', () => {
    const records = sweepRecords({ experiments: 4 });
    const of = (starts: number | null, some = records, maxStarts = starts) =>
      buildReport(some, { sweepName: 'test', objectives: [], starts, maxStarts }).headlines;
    expect(of(1)).toEqual([expect.stringMatching(/^quick: each row is one start/)]);
    expect(of(null)).toEqual([expect.stringMatching(/^each row is one start/)]);
    expect(of(3)).toEqual([
      'first pass: each row has one start of 3 so far, intervals narrow with the second',
    ]);
    const record = build(records).rows.find(({ state }) => state === 'valid')!.trial;
    const second = { ...record, trialId: `${record.trialId}-2`, sweep: { ...record.sweep, attempt: 2 } };
    expect(of(3, [...records, second])).toEqual([
      '2 of 3 rows have one of the 3 starts asked for: their intervals are wide',
    ]);
    // An interval is called wide once a sweep that takes more starts for narrower ones has taken all of them.
    const decode = record.measurements.decodeTokensPerSecond as Measurement;
    const faster = {
      ...second,
      measurements: { ...record.measurements, decodeTokensPerSecond: { ...decode, value: 2 * decode.value } },
    };
    const wide = expect.stringMatching(
      /^1 of 4 rows have all of 2 starts, and intervals that are wider than the ± /,
    );
    expect(of(2, [...records, faster])).not.toContainEqual(wide);
    expect(of(1, [...records, faster], 3)).not.toContainEqual(wide);
    expect(of(1, [...records, faster], 2)).toContainEqual(wide);
  });

  test('a row that ended with fewer starts than were asked for is told, with what came of the others', () => {
    const doubt = warn('setting-not-held', 'the cap of 300 W became 350 W');
    const trial = (attempt: number, warnings: ResultRecord['warnings'] = []) =>
      completeTrial({ attempt, block: attempt, warnings });
    const of = (records: readonly ResultRecord[]) =>
      buildReport(records, { sweepName: 'test', objectives: [], starts: 3 }).headlines;
    const lost = [trial(3, [doubt]), failedTrial({ attempt: 4 })];
    const { code } = lost[1]!.failure!;
    const short = expect.stringContaining(
      `1 of 1 rows have fewer than the 3 valid starts asked for: trials of theirs came to nothing (setting-not-held, ${code})`,
    );
    expect(of([trial(1), trial(2), ...lost])).toContainEqual(short);
    expect(of([trial(1), trial(2), ...lost, trial(5)])).not.toContainEqual(short);
    // Of the first pass more are to come.
    expect(of([trial(1), lost[0]!])).toEqual([expect.stringMatching(/^first pass/)]);
    expect(of([trial(1), ...lost])).not.toContainEqual(expect.stringMatching(/^first pass/));
  });

  test('starts of an engine that was built again count alone, and a headline says so', () => {
    const starts = ['aa01', 'aa01', 'bb02'].map((engineBuild, block) => {
      const start = completeTrial({ block, attempt: block + 1 });
      return { ...start, environment: { ...start.environment, engineBuild } };
    });
    const { rows, headlines } = build(starts);
    expect(rows[0]!.starts).toEqual([starts[2]]);
    const told = expect.stringMatching(/^1 of 1 rows have valid starts of another release or build/);
    expect(headlines).toContainEqual(told);
    expect(build(starts.slice(0, 2)).headlines).not.toContainEqual(told);
  });

  test('objectives lead the metric columns, and a metric that nobody has is an absence with its reason', () => {
    const report = build(sweepRecords({ experiments: 4, watts: null }));
    expect(report.metrics.slice(0, 2).map((m) => m.name)).toEqual(['decodeTokensPerSecond', 'modelBytes']);
    const energy = report.absences.find((a) => a.metrics.includes('energyPerOutputTokenJoules'));
    expect(energy).toMatchObject({ what: 'energy', missed: true });
    expect(energy?.reason).toContain('powercap');
    expect(build(sweepRecords({ experiments: 4, watts: 60 })).metrics.map((m) => m.label)).toContain(
      'energy/out',
    );
  });

  test('metrics that say more than why the whole is absent stand under its name', () => {
    const record = recordOf(calmInput({}));
    const reason = 'none were measured, and the catalogue has none';
    const measurements = {
      ...record.measurements,
      prefillRoofRatio: { value: null, unit: 'ratio', reason },
      decodeRoofRatio: { value: null, unit: 'ratio', reason },
    };
    const { absences } = build([{ ...record, measurements, absent: { roofs: 'none were measured' } }]);
    expect(absences.find((absence) => absence.metrics.includes('decodeRoofRatio'))).toMatchObject({
      what: 'roofs',
      reason,
    });
  });

  test('what the sweep did not ask for is no footnote, unless its columns are asked for', () => {
    const records = [recordOf(calmInput({ quality: null }))];
    const missed = (report: ReturnType<typeof build>) =>
      report.absences.filter((a) => a.missed).flatMap(({ metrics }) => metrics);
    expect(build(records).absences.flatMap(({ metrics }) => metrics)).toContain('perplexity');
    expect(missed(build(records))).not.toContain('perplexity');
    expect(missed(build(records))).not.toContain('trainTokensPerSecond');
    expect(missed(build(records))).not.toContain('adapterBytes');
    expect(missed(buildReport(records, { sweepName: 's', objectives, columns: ['perplexity'] }))).toContain(
      'perplexity',
    );
  });

  test('no records give an empty report, not an error', () => {
    const report = build([]);
    expect(report.rows).toEqual([]);
    expect(report.startedAt).toBeNull();
  });
});
