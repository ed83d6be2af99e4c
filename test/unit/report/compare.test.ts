import { describe, expect, test } from 'vitest';
import { COMPARED_METRICS } from '../../../core/metrics/catalogue.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { WARNINGS, warn } from '../../../core/result/warnings.js';
import { driftSentence, runsApart } from '../../../report/apart.js';
import { asMeasuredText, sizeText, verdictText } from '../../../report/change-text.js';
import { type Change, comparisonOf, matchRows } from '../../../report/compare.js';
import { byExperiment, mainMetrics, summary, unansweredSentences } from '../../../report/compare-summary.js';
import { type Gate, gateSentences, judgeGate, readGate } from '../../../report/gate.js';
import { build, run } from '../../support/compared-runs.js';
import { experimentOf } from '../../support/experiments.js';
import { sound } from '../../support/reading.js';
import { completeTrial, failedTrial } from '../../support/records.js';
import { techniqueRecords } from '../../support/technique-records.js';

const changesOf = (...asked: Parameters<typeof comparisonOf>) => comparisonOf(...asked).changes;
const DECODE = 'decodeTokensPerSecond';
const gate = (text: string): Gate => {
  return sound(readGate(text)).value;
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
    expect(changes.map(({ verdict }) => verdict === 'missing')).toEqual([false, false, false, true]);
  });

  test('of rows of one start each have a ratio, a wide interval, and the difference that would have been found', () => {
    const { pairs } = matchRows(run(1, ['f16'], 1), run(1.05, ['f16'], 1), new Set());
    const [change] = changesOf(pairs, [DECODE]);
    expect(change).toMatchObject({ verdict: 'unclear', reason: 'no difference found' });
    expect(change?.change).toBeCloseTo(1 / 1.05, 1);
    expect(change?.interval?.[0]).toBeLessThan(0.9);
    expect(verdictText(change!)).toBe(`would have seen ${sizeText(change!.visible!)}`);
    expect(change?.visible).toBeGreaterThan(1.1);
  });

  test('of rows of one start each have no verdict, however far apart they are, and no gate is red', () => {
    const { pairs } = matchRows(run(1, ['f16'], 1), run(40, ['f16'], 1), new Set());
    const compared = comparisonOf(pairs, [DECODE]);
    const reason = 'not known: one start each';
    expect(compared.changes[0]).toMatchObject({ verdict: 'unclear', reason, p: null, visible: null });
    expect(verdictText(compared.changes[0]!)).toBe(reason);
    expect(judgeGate(gate(`${DECODE}:-5%`), compared)[0]?.outcome).toBe('undecided');
  });

  test('between two sittings are less sure than within one, and a find among many asks for more than one alone', () => {
    const { pairs } = matchRows(run(1), run(1.05), new Set());
    const [within] = changesOf(pairs, [DECODE]);
    const [across] = changesOf(pairs, [DECODE], { oneSitting: false });
    const width = ({ interval }: Change) => interval![1] - interval![0];
    expect(width(across!)).toBeGreaterThan(width(within!));
    expect(across!.p).toBeGreaterThan(within!.p!);
    // Two experiments: the first find has to be twice as unlikely, and what is called visible allows for
    // that.
    const [sure] = changesOf(pairs, [DECODE], { oneSitting: true, confidence: 0.975 });
    expect(Math.log(within!.visible!)).toBeGreaterThan(
      1.2 * Math.log(within!.interval![1] / within!.change!),
    );
    expect(sure!.visible).toBeGreaterThan(within!.visible!);
  });

  test('all rows together show what each alone is too noisy for, and never more than the sittings allow', () => {
    const names = ['f16', 'q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q4_k_s', 'q3_k_m', 'q2_k'];
    const { pairs } = matchRows(run(1, names), run(1.07, names), new Set());
    const { changes, overall } = comparisonOf(pairs, [DECODE, 'modelBytes']);
    expect(new Set(changes.filter(({ metric }) => metric === DECODE).map(({ verdict }) => verdict))).toEqual(
      new Set(['unclear']),
    );
    expect(overall).toHaveLength(1);
    expect(overall[0]).toMatchObject({ label: 'all 8 experiments', metric: DECODE, verdict: 'worse' });
    expect(overall[0]?.change).toBeCloseTo(1 / 1.07, 2);
    const [apart] = comparisonOf(pairs, [DECODE], { oneSitting: false }).overall;
    const widthOf = (change: Change) => Math.log(change.interval![1] / change.interval![0]);
    expect(widthOf(apart!)).toBeGreaterThan(widthOf(overall[0]!));
    expect(summary({ changes, overall }, [DECODE])).toMatch(
      /^all 8 experiments worse in decode, × 0\.9\d\d; no difference found in one alone; one of more than/,
    );
    const outcomes = judgeGate(gate(`${DECODE}:-5%`), { changes, overall });
    expect(outcomes.filter(({ outcome }) => outcome === 'red').map(({ label }) => label)).toEqual([
      'all 8 experiments',
    ]);
    expect(comparisonOf(pairs.slice(0, 1), [DECODE]).overall).toEqual([]);
  });

  test('are of disturbed rows, too, adjusted for what was read; what that made of a ratio is told where it is much', () => {
    const reading = (value: number) => ({
      value,
      unit: 'ratio',
      n: 1,
      mean: value,
      median: value,
      stddev: null,
      cv: null,
      ci95: null,
      samples: null,
      source: null,
    });
    const shared = (report: ReturnType<typeof run>, share: number) =>
      build(
        report.rows.flatMap(({ starts }) =>
          starts.map((start) => ({
            ...start,
            measurements: { ...start.measurements, coreShareRatio: reading(share) },
            warnings: share < 0.95 ? [warn('shared-core', 'a neighbour')] : [],
          })),
        ),
      );
    const { pairs } = matchRows(shared(run(1), 1), shared(run(1.22), 0.75), new Set());
    const changes = changesOf(pairs, [DECODE], { oneSitting: false });
    for (const change of changes) {
      expect(change.asMeasured).toBeCloseTo(1 / 1.22, 1);
      expect(change.change).toBeGreaterThan(change.asMeasured! * 1.1);
      expect(change.adjustedBy).toBeCloseTo(change.change! / change.asMeasured!, 9);
      expect(asMeasuredText(change)).toMatch(/^× 0\.8\d\d as measured$/);
    }
  });

  test('of a row that a fault voids are what is read off its file', () => {
    const b = build(
      run(1.1).rows.flatMap(({ starts }) =>
        starts.map((start) => ({
          ...start,
          valid: false,
          warnings: [{ code: 'nothing-served' as const, severity: 'invalid' as const, message: 'none' }],
        })),
      ),
    );
    const changes = changesOf(matchRows(run(1), b, new Set()).pairs, [DECODE, 'modelBytes']);
    expect(changes.map(({ metric, verdict }) => `${metric} ${verdict}`)).toEqual([
      `${DECODE} missing`,
      'modelBytes same',
      `${DECODE} missing`,
      'modelBytes same',
    ]);
    expect(changes[0]?.reason).toBe('the row of B is invalid');
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

describe('experiments without an answer', () => {
  const faulty = (code: 'nothing-served' | 'provider-fallback', more: readonly 'most-failed'[] = []) =>
    techniqueRecords()
      .slice(0, 1)
      .map((record) => ({
        ...record,
        valid: false,
        warnings: [code, ...more].map((one) => warn(one, 'a fault')),
      }));
  const good = build(techniqueRecords().slice(0, 1));

  test('have the quality of a row whose fault is not of its answers', () => {
    const verdict = (code: 'nothing-served' | 'provider-fallback') =>
      changesOf(matchRows(good, build(faulty(code)), new Set()).pairs, ['perplexity'])[0]?.verdict;
    expect([verdict('nothing-served'), verdict('provider-fallback')]).toEqual(['same', 'missing']);
  });

  test('are tallied by each of their reasons, and the one that helps most is named', () => {
    const pair = (b: ReturnType<typeof build>) => matchRows(good, b, new Set()).pairs[0]!;
    const failed = pair(build([failedTrial({ experiment: good.rows[0]!.experiment })]));
    expect(unansweredSentences([pair(good)])).toEqual([]);
    expect(unansweredSentences([pair(good), failed])).toEqual([
      expect.stringMatching(/^1 experiment has no answer: [a-z-]+ 1$/),
    ]);
    const both = pair(build(faulty('provider-fallback', ['most-failed'])));
    const one = pair(build(faulty('provider-fallback')));
    expect(unansweredSentences([both, one])).toEqual([
      `2 experiments have no answer: provider-fallback 2, most-failed 1 (provider-fallback first: ${WARNINGS['provider-fallback'].help})`,
    ]);
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
  }
  const sweepRun = (
    { rows = 1, control = 1, first = 1, engine = 'v1', build: engineBuild, controls = 6 }: Sides,
    id: string,
  ) => {
    const of = (record: ResultRecord): ResultRecord => ({
      ...record,
      environment: { ...record.environment, engine, ...(engineBuild !== undefined && { engineBuild }) },
    });
    const starts = ['f16', 'q8_0', 'q4_k_m', 'q6_k'].flatMap((quantization, position) =>
      Array.from({ length: 3 }, (_, block) =>
        completeTrial({
          experiment: experimentOf({ quantization }),
          position,
          repeats: 8,
          sweepId: id,
          block,
          slower: rows * (position === 0 ? first : 1),
          attempt: block + 1,
        }),
      ),
    );
    const ofControl = Array.from({ length: controls }, (_, i) =>
      completeTrial({ purpose: 'control', block: i, attempt: i + 1, sweepId: id, slower: control }),
    );
    return build([...starts, ...ofControl].map(of));
  };
  const compared = (a: Sides, b: Sides) => {
    const [before, after] = [sweepRun(a, 'a'), sweepRun(b, 'b')];
    const { pairs } = matchRows(before, after, new Set());
    const apart = runsApart(before, after);
    return {
      ...comparisonOf(pairs, [DECODE], { oneSitting: apart === null }),
      sentence: driftSentence(apart),
    };
  };

  test('are compared as they were measured, whatever the control did; that is one sentence', () => {
    const { changes, sentence } = compared({}, { rows: 1.4, control: 1.4 });
    for (const { change, verdict, asMeasured } of changes) {
      expect(change).toBeCloseTo(1 / 1.4, 2);
      expect(asMeasured).toBeCloseTo(1 / 1.4, 2);
      expect(verdict).toBe('worse');
    }
    expect(sentence).toMatch(
      /^the drift control itself ran .*decode × 0\.7\d\d \[.* in B: that much is the machine, or what changed for every row;/,
    );
    expect(compared({}, { rows: 1.4 }).sentence).toBeNull();
    expect(compared({}, { rows: 1.4, control: 1.4, controls: 0 }).sentence).toBeNull();
  });

  test('a rise stays one though the control fell: nothing is divided by it (1450 to 1521 t/s was said to be -22.5 %)', () => {
    const { changes, overall } = compared({}, { rows: 1450 / 1521, control: 0.7 });
    for (const { change, a, b } of changes) {
      expect(change).toBeCloseTo(1521 / 1450, 2);
      expect(b! / a!).toBeCloseTo(1521 / 1450, 2);
    }
    const outcomes = judgeGate(gate(`${DECODE}:-5%`), { changes, overall });
    expect(outcomes.map(({ outcome }) => outcome)).not.toContain('red');
    for (const { sentence } of outcomes) expect(sentence).toMatch(/changed by \+[45]\.\d %/);
  });

  test('name what differs between them beside what the control did', () => {
    const { sentence } = compared(
      { build: 'aa01' },
      { rows: 1.4, control: 1.4, build: 'bb02', engine: 'v2' },
    );
    expect(sentence).toMatch(/\(engine: v1, then v2; build of the engine: aa01, then bb02\)/);
  });

  test('are not two where both sides are rows of one, or were measured in turns', () => {
    const one = sweepRun({}, 'a');
    const side = (from: number, to: number) => ({ ...one, rows: one.rows.slice(from, to) });
    expect(runsApart(side(0, 3), side(1, 4))).toBeNull();
    expect(runsApart(side(0, 1), side(1, 2))).toBeNull();
    expect(runsApart({ ...side(0, 1), controls: [] }, { ...side(1, 2), controls: [] })).toBeNull();
    expect(runsApart(one, sweepRun({}, 'b'))).not.toBeNull();
    const at = (startedAt: string, endedAt: string, rows: number) => ({
      ...sweepRun({ rows }, 'a'),
      startedAt,
      endedAt,
    });
    const [first, second, third] = [
      at('2026-01-01T10:00:00Z', '2026-01-01T10:10:00Z', 1),
      at('2026-01-01T10:00:30Z', '2026-01-01T10:09:00Z', 1.1),
      at('2026-01-01T11:00:00Z', '2026-01-01T11:09:00Z', 1.2),
    ].map((report) => ({
      ...report,
      rows: report.rows.map((row) => ({
        ...row,
        starts: row.starts.map((start) => ({ ...start, trialId: `${start.trialId}${report.startedAt}` })),
      })),
      controls: [],
    }));
    expect(runsApart(first!, second!)).toBeNull();
    expect(runsApart(first!, third!)).not.toBeNull();
  });

  test('are not two where starts of two sweeps took turns on one node; a run that went on later is apart', () => {
    const minutes = (sweepId: string, at: readonly number[], node = 'n') =>
      build(
        at.map((minute, block) => ({
          ...completeTrial({ experiment: experimentOf(), block, attempt: block + 1, sweepId, node }),
          startedAt: new Date(Date.UTC(2026, 0, 1, 10, minute)).toISOString(),
          endedAt: new Date(Date.UTC(2026, 0, 1, 10, minute + 1)).toISOString(),
        })),
      );
    const base = minutes('a', [0, 6, 8]);
    expect(runsApart(base, minutes('b', [2, 4, 10]))).toBeNull();
    expect(runsApart(base, minutes('b', [2, 4, 10], 'other'))).not.toBeNull();
    expect(runsApart(base, minutes('b', [20, 22, 24]))).not.toBeNull();
    // Two starts on one day, the third beside the other run.
    expect(runsApart(minutes('a', [0, 2, 4, 6, 52]), minutes('b', [50, 54, 56]))).not.toBeNull();
  });
});

describe('in one line', () => {
  const { pairs } = matchRows(
    run(1, ['f16', 'q8_0', 'q4_k_m']),
    run(1.02, ['f16', 'q8_0', 'q4_k_m']),
    new Set(),
  );
  const names = COMPARED_METRICS.map(({ name }) => name as string);

  test('are the speeds and what the sweep is after; what is read off files only where it changed', () => {
    const changes = changesOf(pairs, names);
    expect(mainMetrics({ objectives: [] }, pairs, changes)).toEqual([DECODE, 'prefillTokensPerSecond']);
    const objectives = [
      { metric: 'timeToFirstTokenSeconds', better: 'min' },
      { metric: 'modelBytes', better: 'min' },
    ] as const;
    expect(mainMetrics({ objectives }, pairs, changes)[0]).toBe('timeToFirstTokenSeconds');
    const smaller = matchRows(run(1, ['f16']), run(1, ['q8_0']), new Set(['quantization'])).pairs;
    const main = mainMetrics({ objectives }, smaller, changesOf(smaller, names));
    expect(main).toContain('modelBytes');
  });

  test('finds come first, and one sentence says what would have been seen where none is', () => {
    const none = changesOf(pairs, [DECODE, 'prefillTokensPerSecond']);
    expect(summary({ changes: none, overall: [] }, [DECODE, 'prefillTokensPerSecond'])).toMatch(
      /^no difference found; one of more than [\d.]+ % in decode, [\d.]+ % in prefill would have been seen in half of them$/,
    );
    expect(summary({ changes: none.slice(0, 1), overall: [] }, [DECODE])).toMatch(
      /^no difference found; one of more than [\d.]+ % in decode would have been seen$/,
    );
    const found = none.map((change, i) =>
      i === 4 ? { ...change, change: 0.7, verdict: 'worse' as const } : change,
    );
    expect(byExperiment(found, [DECODE]).map(([change]) => change?.label)).toEqual(['q4_k_m', 'f16', 'q8_0']);
    expect(summary({ changes: found, overall: [] }, [DECODE])).toMatch(
      /^1 worse in decode; a further one of more than/,
    );
    expect(summary({ changes: found, overall: [] }, ['prefillTokensPerSecond'])).toMatch(
      /; besides 1 worse in decode \(--all shows them\)$/,
    );
  });

  test.each([
    [1.004, '0.5 %'],
    [1.1099, '11 %'],
    [1.112, '12 %'],
    [2.3, '× 2.3'],
    [12_127.9, '× 10 and more'],
  ])('a ratio of %f is a difference of %s', (ratio, text) => {
    expect(sizeText(ratio)).toBe(text);
  });
});

describe('gates', () => {
  const outcomesOf = (text: string, factor: number, options = { oneSitting: true }) =>
    judgeGate(
      gate(text),
      comparisonOf(matchRows(run(1), run(factor), new Set()).pairs, [gate(text).metric], options),
    );
  const outcomes = (text: string, factor: number) => outcomesOf(text, factor).map(({ outcome }) => outcome);

  test('are red where the change is beyond the limit and told from none', () => {
    expect(outcomes(`${DECODE}:-5%`, 1.4)).toEqual(['red', 'red', 'red']);
    expect(outcomesOf(`${DECODE}:-5%`, 1.4)[2]?.label).toBe('all 2 experiments');
    expect(outcomesOf(`${DECODE}:-5%`, 1.4)[0]?.sentence).toMatch(
      /^decodeTokensPerSecond:-5%: f16: changed by -2\d\.\d % \[-\d+\.\d %, -\d+\.\d %\]$/,
    );
    expect(outcomes(`${DECODE}:-0.01`, 1.4)).toEqual(['red', 'red']);
    expect(outcomes('timeToFirstTokenSeconds:+5%', 1.4)).toEqual(['red', 'red', 'red']);
  });

  test('are green where the worse end of the interval is within the limit', () => {
    expect(outcomes(`${DECODE}:-50%`, 1.02)).toEqual(['green', 'green']);
    expect(outcomes(`${DECODE}:+5%`, 1.4)).toEqual(['green', 'green']);
    expect(outcomes(`${DECODE}:-1000000`, 1.4)).toEqual(['green', 'green']);
  });

  test('else are undecided, and said so', () => {
    expect(outcomes(`${DECODE}:-5%`, 1.07)).toEqual(['undecided', 'undecided']);
    expect(outcomesOf(`${DECODE}:-5%`, 1.07)[0]?.sentence).toMatch(
      /: beyond the limit, which may be chance$/,
    );
    expect(outcomesOf(`${DECODE}:-5%`, 1)[0]?.sentence).toMatch(/: its interval reaches beyond the limit$/);
    const [change] = comparisonOf(matchRows(run(1), run(1), new Set()).pairs, [DECODE]).changes;
    const unknown = { changes: [{ ...change!, interval: [0.001, 1e4] as const }], overall: [] };
    expect(judgeGate(gate(`${DECODE}:-5%`), unknown)[0]?.sentence).toContain('[× or ÷ 10 and more]');
    expect(outcomesOf('energyJoules:+5%', 1)[0]).toMatchObject({
      outcome: 'undecided',
      sentence: expect.stringContaining('A has none: this node'),
    });
    expect(gateSentences(outcomesOf(`${DECODE}:-5%`, 1.07)).at(-1)).toBe(
      'gates: 0 red, 2 undecided, 0 green',
    );
  });

  test('a row that failed in B alone is red, one that failed in both or in A is not', () => {
    const failed = build([failedTrial({ experiment: experimentOf({ quantization: 'f16' }) })]);
    const of = (a: ReturnType<typeof build>, b: ReturnType<typeof build>) =>
      judgeGate(gate(`${DECODE}:-5%`), comparisonOf(matchRows(a, b, new Set()).pairs, [DECODE]))[0];
    expect(of(run(1, ['f16']), failed)).toMatchObject({
      outcome: 'red',
      sentence: 'decodeTokensPerSecond:-5%: llama-1b: failed in B alone',
    });
    expect(of(failed, run(1, ['f16']))?.outcome).toBe('undecided');
    expect(of(failed, failed)?.outcome).toBe('undecided');
  });

  test('of what is read off files are decided by the number itself', () => {
    const { pairs } = matchRows(run(1, ['q8_0']), run(1, ['f16']), new Set(['quantization']));
    const of = (text: string) => judgeGate(gate(text), comparisonOf(pairs, ['modelBytes']))[0]?.outcome;
    expect([of('modelBytes:+5%'), of('modelBytes:+95%')]).toEqual(['red', 'green']);
  });

  test('of quality are decided by the difference and its interval', () => {
    const records = techniqueRecords();
    const { pairs } = matchRows(build(records.slice(0, 1)), build(records.slice(18, 19)), new Set());
    const of = (text: string) => judgeGate(gate(text), comparisonOf(pairs, ['perplexity']))[0]?.outcome;
    expect([of('perplexity:+1'), of('perplexity:+4'), of('perplexity:+2.5')]).toEqual([
      'red',
      'green',
      'undecided',
    ]);
  });

  test('takes the head of a column for its metric', () => {
    expect(gate('decode:-5%')).toMatchObject({
      metric: 'decodeTokensPerSecond',
      limit: -0.05,
      relative: true,
    });
    expect(gate('ITL p99:+2%')).toMatchObject({ metric: 'interTokenLatencyP99Seconds', limit: 0.02 });
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
