import { describe, expect, test } from 'vitest';
import type { ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import { changesOf, controlsApart, matchRows } from '../../../report/compare.js';
import { type Gate, judgeGate, readGate } from '../../../report/gate.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial, failedTrial } from '../../support/records.js';
import { techniqueRecords } from '../../support/technique-records.js';

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
    expect(pairs.map(({ label }) => label)).toContain('small wanda:60%?dsnot=strict&tokens=256');
    const single = (i: number) => ({ ...whole, rows: whole.rows.slice(i, i + 1) });
    expect(matchRows(single(0), single(20), new Set()).pairs).toHaveLength(1);
  });
});

describe('changes', () => {
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

describe('the drift control on both sides', () => {
  const controlled = (slower: number, runs = 6) =>
    build([
      completeTrial({ sweepId: `s${slower}` }),
      ...Array.from({ length: runs }, (_, i) =>
        completeTrial({ purpose: 'control', slower, block: i, attempt: i + 1, sweepId: `s${slower}` }),
      ),
    ]);

  test('is named where it changed, which every row did then', () => {
    const [prefill, decode, ...others] = controlsApart(controlled(1), controlled(1.1));
    expect(prefill).toMatch(
      /^the drift control itself ran prefill × 0\.9\d\d \[0\.[89]\d\d, 0\.9\d\d\] in B/,
    );
    expect(decode).toContain('ran decode');
    expect(others).toEqual([]);
  });

  test('is not where it ran alike, or is another experiment, or ran once', () => {
    expect(controlsApart(controlled(1), controlled(1.0001))).toEqual([]);
    expect(controlsApart(controlled(1), controlled(1.1, 1))).toEqual([]);
    const other = build([completeTrial({ experiment: experimentOf({ threads: 2 }), purpose: 'control' })]);
    expect(controlsApart(controlled(1), other)).toEqual([]);
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
    expect(broken[0]).toMatch(/^decodeTokensPerSecond:-5%: llama-1b f16: changed by -\d\.\d %$/);
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
      undecided: [expect.stringContaining('may be accident: more starts tell')],
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
