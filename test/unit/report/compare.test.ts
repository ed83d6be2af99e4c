import { describe, expect, test } from 'vitest';
import { COMPARED_METRICS } from '../../../core/metrics/catalogue.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { warn } from '../../../core/result/warnings.js';
import { apartSentences, correctionsOf, runsApart } from '../../../report/apart.js';
import { buildReport } from '../../../report/build.js';
import { changesOf, matchRows } from '../../../report/compare.js';
import { type Gate, judgeGate, readGate } from '../../../report/gate.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial, failedTrial } from '../../support/records.js';
import { techniqueRecords } from '../../support/technique-records.js';

const DECODE = 'decodeTokensPerSecond';
const build = (records: readonly ResultRecord[]) => buildReport(records, { sweepName: 's', objectives: [] });
/** A run of three starts a row, each in a block of its own. */
const run = (slower: number, quantizations = ['f16', 'q8_0'], starts = 3) =>
  build(
    quantizations.flatMap((quantization, position) =>
      Array.from({ length: starts }, (_, block) =>
        completeTrial({
          ...{ experiment: experimentOf({ quantization }), position, slower, repeats: 8 },
          ...{ block, attempt: block + 1, sweepId: `s${slower}` },
        }),
      ),
    ),
  );
const gate = (text: string): Gate => {
  const reading = readGate(text);
  if (!reading.ok) throw new Error(reading.message);
  return reading.gate;
};

describe('matching', () => {
  test('pairs the same points of two runs and names what only one side has', () => {
    const { pairs, onlyA, onlyB } = matchRows(run(1), run(1, ['q8_0', 'q4_k_m']), new Set());
    expect(pairs.map(({ a, b }) => [a.axes.quantization, b.axes.quantization])).toEqual([['q8_0', 'q8_0']]);
    expect(onlyA.map((row) => row.axes.quantization)).toEqual(['f16']);
    expect(onlyB.map((row) => row.axes.quantization)).toEqual(['q4_k_m']);
  });

  test('pairs across an axis that the sides are chosen by, and any two single rows', () => {
    const whole = build(techniqueRecords());
    const side = (quantization: string) => ({
      ...whole,
      rows: whole.rows.filter((row) => row.axes.quantization === quantization),
    });
    const { pairs } = matchRows(side('base'), side('q2_k'), new Set(['quantization']));
    expect(pairs).toHaveLength(6);
    for (const { a, b } of pairs)
      expect([a.axes.sparsity, a.axes.adapter]).toEqual([b.axes.sparsity, b.axes.adapter]);
    expect(pairs.map(({ label }) => label)).toContain('wanda:60% dsnot=strict');
    const single = (i: number) => ({ ...whole, rows: whole.rows.slice(i, i + 1) });
    expect(matchRows(single(0), single(20), new Set()).pairs).toHaveLength(1);
  });
});

describe('changes', () => {
  test('by default are of what is better one way: not of predictions, which say nothing of a run', () => {
    const names = COMPARED_METRICS.map(({ name }) => name);
    expect(names).toContain('decodeTokensPerSecond');
    expect(names).not.toContain('predictedTimePerOutputTokenSeconds');
  });

  test('of speed are ratios with an interval, better or worse by what the metric means', () => {
    const { pairs } = matchRows(run(1), run(1.25), new Set());
    const changes = changesOf(pairs, ['decodeTokensPerSecond', 'timeToFirstTokenSeconds', 'modelBytes']);
    const of = (metric: string) => changes.filter((change) => change.metric === metric);
    for (const { change, interval, verdict } of of('decodeTokensPerSecond')) {
      expect(change).toBeCloseTo(1 / 1.25, 1);
      expect(interval?.[0]).toBeLessThan(0.8);
      expect(interval?.[1]).toBeGreaterThan(0.8);
      expect(verdict).toBe('worse');
    }
    for (const { change, verdict } of of('timeToFirstTokenSeconds')) {
      expect(change).toBeCloseTo(1.25, 1);
      expect(verdict).toBe('worse');
    }
    for (const { change, interval, verdict } of of('modelBytes')) {
      expect([change, interval, verdict]).toEqual([1, null, 'same']);
    }
    const [smaller] = changesOf([{ label: '', a: run(1).rows[0]!, b: run(1).rows[1]! }], ['modelBytes']);
    expect(smaller).toMatchObject({ verdict: 'better', interval: null, reason: null });
    expect(smaller?.change).toBeCloseTo(8.5 / 16, 6);
  });

  test('are told where some rows have no number at all', () => {
    const a = build([
      ...run(1, ['f16', 'q8_0', 'q4_k_m']).rows.flatMap(({ starts }) => starts),
      failedTrial({ experiment: experimentOf({ quantization: 'q6_k' }), position: 3 }),
    ]);
    const changes = changesOf(matchRows(a, a, new Set()).pairs, ['decodeTokensPerSecond']);
    expect(changes.map(({ verdict }) => verdict)).toEqual(['same', 'same', 'same', 'missing']);
  });

  test('of rows of one start each have a ratio, and neither interval nor verdict', () => {
    const { pairs } = matchRows(run(1, ['f16'], 1), run(1.25, ['f16'], 1), new Set());
    const [change] = changesOf(pairs, ['decodeTokensPerSecond']);
    expect(change).toMatchObject({ interval: null, verdict: 'unclear' });
    expect(change?.reason).toContain('one start');
    expect(change?.change).toBeCloseTo(1 / 1.25, 1);
  });

  test('of quality are differences with the errors of both sides', () => {
    const records = techniqueRecords();
    const [base, poor] = [build(records.slice(0, 1)), build(records.slice(3, 4))];
    const { pairs } = matchRows(base, poor, new Set());
    const [change] = changesOf(pairs, ['perplexity']);
    const half = (record: ResultRecord | undefined) => {
      const entry = record?.measurements.perplexity;
      if (entry?.value == null || entry.ci95 === null) throw new Error('no interval');
      return (entry.ci95[1] - entry.ci95[0]) / 2;
    };
    const expected = Math.hypot(half(records[0]), half(records[3]));
    expect(change).toMatchObject({ kind: 'difference', verdict: 'worse' });
    expect(change?.change).toBeCloseTo((change?.b ?? 0) - (change?.a ?? 0), 12);
    expect(((change?.interval?.[1] ?? 0) - (change?.interval?.[0] ?? 0)) / 2).toBeCloseTo(expected, 9);
    const [none] = changesOf(matchRows(base, base, new Set()).pairs, ['perplexity']);
    expect(none).toMatchObject({ change: 0, verdict: 'same' });
  });

  test('a side without a valid number has a reason and no change', () => {
    const bad = build([failedTrial({ experiment: experimentOf({ quantization: 'f16' }) })]);
    const [change] = changesOf(matchRows(run(1, ['f16']), bad, new Set()).pairs, ['decodeTokensPerSecond']);
    expect(change).toMatchObject({ verdict: 'missing', change: null, reason: 'the row of B is failed' });
    const [absent] = changesOf(matchRows(run(1), run(1), new Set()).pairs, ['energyJoules']);
    expect(absent).toMatchObject({
      verdict: 'missing',
      reason: expect.stringContaining('A has none: this node'),
    });
  });
});

describe('two runs', () => {
  interface Sides {
    /** Factor on every time of rows, of the control, and of the first row alone. */
    readonly rows?: number;
    readonly control?: number;
    readonly first?: number;
    readonly engine?: string;
    readonly build?: string;
    readonly controls?: number;
    /** Factor on every time of runs of the control that were disturbed, and are invalid. */
    readonly disturbed?: number;
  }
  const sweepRun = (
    { rows = 1, control = 1, first = 1, engine = 'v1', build: engineBuild, controls = 6, disturbed }: Sides,
    id: string,
  ) => {
    const of = (record: ResultRecord): ResultRecord => ({
      ...record,
      environment: { ...record.environment, engine, ...(engineBuild !== undefined && { engineBuild }) },
    });
    const starts = ['f16', 'q8_0', 'q4_k_m', 'q6_k'].flatMap((quantization, position) =>
      Array.from({ length: 3 }, (_, block) =>
        completeTrial({
          ...{ experiment: experimentOf({ quantization }), position, repeats: 8, sweepId: id, block },
          ...{ slower: rows * (position === 0 ? first : 1), attempt: block + 1 },
        }),
      ),
    );
    const ofControl = Array.from({ length: controls }, (_, i) =>
      completeTrial({
        purpose: 'control',
        ...{ block: i, attempt: i + 1, sweepId: id },
        ...(disturbed !== undefined && i % 2 === 1
          ? { slower: disturbed, warnings: [warn('provider-fallback', 'elsewhere')] }
          : { slower: control }),
      }),
    );
    return build([...starts, ...ofControl].map(of));
  };
  const compared = (a: Sides, b: Sides, options = {}) => {
    const [before, after] = [sweepRun(a, 'a'), sweepRun(b, 'b')];
    const { pairs } = matchRows(before, after, new Set());
    const apart = runsApart(before, after, options);
    const changes = changesOf(pairs, [DECODE], apart);
    const corrections = correctionsOf(apart, pairs, [DECODE]);
    return { changes, corrections, sentences: apartSentences(apart, corrections) };
  };

  test('of one build are corrected by what all of it did, and one line says so', () => {
    const { changes, sentences, corrections } = compared({}, { rows: 1.1, control: 1.1 });
    for (const { change, verdict, correction, a, b } of changes) {
      expect(change).toBeCloseTo(1, 2);
      expect(['same', 'unclear']).toContain(verdict);
      expect(correction).toBeCloseTo(1 / 1.1, 2);
      expect(b! / a!).toBeCloseTo(1 / 1.1, 2);
    }
    expect(corrections).toMatchObject([{ metric: DECODE, ratio: expect.closeTo(1 / 1.1, 2) }]);
    expect(sentences).toEqual([
      expect.stringMatching(/the drift control included, ran decode × 0\.9\d\d \[/),
    ]);
    // What moved with everything and lies beyond a gate is told, for no record says that it was the machine.
    const { broken, undecided } = judgeGate(gate(`${DECODE}:-5%`), changes);
    expect(broken).toEqual([]);
    expect(undecided).toHaveLength(4);
    expect(undecided[0]).toMatch(/changed by -\d\.\d %, as everything did \(× 0\.9\d\d\)/);
  });

  test('are corrected by the controls that were not disturbed', () => {
    const { corrections } = compared({}, { rows: 1.1, control: 1.1, disturbed: 2 });
    expect(corrections[0]?.ratio).toBeCloseTo(1 / 1.1, 2);
  });

  test('of one build show the row that changed by itself', () => {
    const { changes } = compared({}, { rows: 1.1, control: 1.1, first: 1.05 });
    expect(changes.map(({ verdict }) => verdict === 'worse')).toEqual([true, false, false, false]);
    expect(changes[0]?.change).toBeCloseTo(1 / 1.05, 2);
  });

  test('of one build in which rows changed and the control did not are corrected by the control', () => {
    const { changes, corrections } = compared({}, { rows: 1.1, control: 1 });
    expect(changes.map(({ verdict }) => verdict)).toEqual(['worse', 'worse', 'worse', 'worse']);
    expect(corrections[0]?.ratio).toBeCloseTo(1, 2);
  });

  test('are left as they were measured where that is asked for, the control named', () => {
    const { changes, sentences } = compared({}, { rows: 1.1, control: 1.1 }, { uncorrected: true });
    expect(changes[0]).toMatchObject({ correction: 1, change: expect.closeTo(1 / 1.1, 2) });
    expect(sentences[0]).toMatch(/^the drift control itself ran .*decode × 0\.9/);
  });

  test('of two builds are not corrected: a change of all rows is shown, and undecided only where the control changed as much', () => {
    const alike = compared({}, { rows: 1.1, control: 1.1, engine: 'v2' });
    for (const change of alike.changes) {
      expect(change).toMatchObject({ verdict: 'unclear', correction: 1, change: expect.closeTo(1 / 1.1, 2) });
      expect(change.reason).toContain('the drift control changed as well');
    }
    expect(alike.sentences).toEqual([
      expect.stringMatching(/ran prefill × 0\.9.*decode × 0\.9.*engine: v1, then v2/),
    ]);
    const { broken, undecided } = judgeGate(gate(`${DECODE}:-5%`), alike.changes);
    expect([broken.length, undecided.length]).toEqual([0, 4]);

    const steady = compared({}, { rows: 1.1, control: 1, engine: 'v2' });
    expect(steady.changes.map(({ verdict }) => verdict)).toEqual(['worse', 'worse', 'worse', 'worse']);
    expect(steady.sentences).toEqual([]);
    expect(judgeGate(gate(`${DECODE}:-5%`), steady.changes).broken).toHaveLength(4);

    const further = compared({}, { rows: 1.3, control: 1.1, engine: 'v2' });
    expect(further.changes.map(({ verdict }) => verdict)).toEqual(['worse', 'worse', 'worse', 'worse']);
  });

  test('of one release that was built again are of two builds; a record that does not know its build is not another one', () => {
    const again = compared({ build: 'aa01' }, { rows: 1.1, control: 1.1, build: 'bb02' });
    expect(again.corrections).toEqual([]);
    expect(again.sentences).toEqual([expect.stringMatching(/\(build of the engine: aa01, then bb02\)/)]);
    for (const before of [{ build: 'bb02' }, {}])
      expect(compared(before, { rows: 1.1, control: 1.1, build: 'bb02' }).corrections).toHaveLength(1);
  });

  test('without a control, or with another one, are compared as they were measured', () => {
    const { changes, sentences } = compared({}, { rows: 1.1, control: 1.1, controls: 0 });
    expect(changes[0]).toMatchObject({ verdict: 'worse', correction: 1 });
    expect(sentences).toEqual([]);
  });

  test('are not two where both sides are rows of one', () => {
    const one = sweepRun({}, 'a');
    const side = (from: number, to: number) => ({ ...one, rows: one.rows.slice(from, to) });
    expect(runsApart(side(0, 3), side(1, 4))).toBeNull();
    expect(runsApart(side(0, 1), side(1, 2))).toBeNull();
    expect(runsApart({ ...side(0, 1), controls: [] }, { ...side(1, 2), controls: [] })).toBeNull();
    // Runs of one file number their blocks alike, and share none.
    expect(runsApart(one, sweepRun({}, 'b'))).not.toBeNull();
  });
});

describe('gates', () => {
  const changes = changesOf(matchRows(run(1), run(1.1), new Set()).pairs, [
    'decodeTokensPerSecond',
    'energyJoules',
  ]);

  test('are met inside their limit and broken beyond it, floors and ceilings, shares and differences', () => {
    expect(judgeGate(gate('decodeTokensPerSecond:-15%'), changes).broken).toEqual([]);
    expect(judgeGate(gate('decodeTokensPerSecond:+1%'), changes).broken).toEqual([]);
    const broken = judgeGate(gate('decodeTokensPerSecond:-5%'), changes).broken;
    expect(broken).toHaveLength(2);
    expect(broken[0]).toMatch(/^decodeTokensPerSecond:-5%: f16: changed by -\d\.\d %$/);
    expect(judgeGate(gate('decodeTokensPerSecond:-100'), changes).broken).toEqual([]);
    expect(judgeGate(gate('decodeTokensPerSecond:-0.01'), changes).broken).toHaveLength(2);
  });

  test('a change beyond the limit that may be accident leaves a gate undecided; of single starts the number decides', () => {
    const noisy = (factors: readonly number[], sweepId: string) =>
      build(factors.map((slower, block) => completeTrial({ slower, block, attempt: block + 1, sweepId })));
    const of = (a: readonly number[], b: readonly number[]) =>
      judgeGate(
        gate('decodeTokensPerSecond:-5%'),
        changesOf(matchRows(noisy(a, 'a'), noisy(b, 'b'), new Set()).pairs, ['decodeTokensPerSecond']),
      );
    expect(of([1, 1.2, 0.8], [1.1, 1.3, 0.9])).toEqual({
      broken: [],
      undecided: [expect.stringContaining('may be accident: the interval holds both')],
    });
    expect(of([1], [1.1]).broken).toEqual([expect.stringContaining('a side has one start')]);
  });

  test('what cannot be compared does not meet a gate', () => {
    expect(judgeGate(gate('energyJoules:+5%'), changes).broken).toHaveLength(2);
  });

  test.each([
    'decode',
    'decodeTokensPerSecond',
    'decodeTokensPerSecond:5%',
    'decodeTokensPerSecond:-x%',
    'decodeTokenPerSecond:-5%',
    '',
  ])('%j is refused with what a gate looks like', (text) => {
    const reading = readGate(text);
    expect(reading.ok ? '' : reading.message).toMatch(/is no gate: write|did you mean decodeTokensPerSecond/);
  });
});
