import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Measurement } from '../../../core/result/result.js';
import { keptText, type Range, rangeByKey, uprightsOf } from '../../../dashboards/web/src/axes/scales.js';
import {
  frontFor,
  frontOf,
  type Point,
  pointsOf,
  whyNoFront,
} from '../../../dashboards/web/src/charts/front.js';
import { pixelsOf, SIZES } from '../../../dashboards/web/src/charts/size.js';
import { stripsOf } from '../../../dashboards/web/src/detail/series.js';
import { columnsOfSet } from '../../../dashboards/web/src/table/column-sets.js';
import { EMPTY_FILTER, filterRows, readWords } from '../../../dashboards/web/src/table/filter.js';
import { sortRows } from '../../../dashboards/web/src/table/sort.js';
import { paretoFront } from '../../../judgement/pareto.js';
import { buildReport } from '../../../report/build.js';
import { pack, unpack } from '../../../report/payload.js';
import { quotedOf, UNLIKE_ADVICE } from '../../../report/quoted.js';
import type { Row } from '../../../report/rows.js';
import { forAll } from '../../support/for-all.js';
import { sweepRecords } from '../../support/sweep-records.js';
import { techniqueRecords } from '../../support/technique-records.js';

const report = buildReport(sweepRecords({ experiments: 24 }), {
  sweepName: 's',
  objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
});
const found = (text: string) => filterRows(report, { ...EMPTY_FILTER, text });

describe('the kept part of an axis by keys', () => {
  const uprights = uprightsOf(report, ['decodeTokensPerSecond']);
  const axis = uprights.find(({ key }) => key === 'axis:parallel')!;
  const metric = uprights.find(({ key }) => key === 'metric:decodeTokensPerSecond')!;
  /** Presses keys in turn; `S` before one is Shift. */
  const press = (upright: typeof axis, ...keys: string[]) =>
    keys.reduce<Range | null | undefined>((range, key) => {
      const shift = key.startsWith('S');
      return rangeByKey(upright, range ?? null, `Arrow${shift ? key.slice(1) : key}`, shift);
    }, null);

  test('begins with one value at an end, moves it, widens it, and stays on the axis', () => {
    expect(axis.high).toBeGreaterThanOrEqual(1);
    expect(press(axis, 'Up')).toEqual([0, 0]);
    expect(press(axis, 'Down')).toEqual([axis.high, axis.high]);
    expect(press(axis, 'Up', 'Up')).toEqual([1, 1]);
    expect(press(axis, 'Up', 'SUp')).toEqual([0, 1]);
    expect(press(axis, 'Up', 'SUp', 'SDown', 'SDown')).toEqual([0, 0]);
    expect(press(axis, 'Up', 'Down')).toEqual([0, 0]);
    expect(press(axis, ...Array<string>(9).fill('Up'))).toEqual([axis.high, axis.high]);
    expect(keptText(axis, [0, 1])).toBe('1 to 4');
    expect(keptText(axis, [1, 1])).toBe('only 4');
  });

  test('meets both ends of a metric exactly, so that no row is lost to rounding', () => {
    const values = report.rows.flatMap((row) => quotedOf(row, 'decodeTokensPerSecond')?.value ?? []);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    expect(press(metric, 'Up')?.[0]).toBe(low);
    expect(press(metric, ...Array<string>(30).fill('Up'))?.[1]).toBe(high);
    expect(press(metric, ...Array<string>(30).fill('Down'))?.[0]).toBe(low);
    expect(press(metric, 'Up', ...Array<string>(30).fill('SUp'))).toEqual([low, high]);
    // Three tenths up and down again are more than nothing, as numbers are added.
    const tenths = { ...metric, low: 0, high: 1, step: 0.1, taken: 0.1 };
    expect(press(tenths, 'Up', 'Up', 'Up', 'Up', 'Down', 'Down', 'Down')?.[0]).toBe(0);
    expect(keptText(metric, null)).toBe('all');
    expect(keptText(metric, [low, high])).toMatch(/ to .+ t\/s$/);
  });

  test('is given up by Escape, and other keys do nothing', () => {
    expect(rangeByKey(axis, [0, 0], 'Escape', false)).toBeNull();
    expect(rangeByKey(axis, null, 'Escape', false)).toBeUndefined();
    expect(rangeByKey(axis, null, 'a', false)).toBeUndefined();
  });
});

describe('filter of the page', () => {
  test('words narrow down: values, axes, metrics in the unit of their column, codes', () => {
    expect(found('q4_k_m')).toHaveLength(4);
    expect(found('q4_k_m parallel=4')).toHaveLength(2);
    expect(found('parallel>1').every((row) => row.axes.parallel === 4)).toBe(true);
    expect(
      found('decode>50').every((row) => (row.trial.measurements.decodeTokensPerSecond?.value ?? 0) > 50),
    ).toBe(true);
    expect(found('decode>50').length).toBeGreaterThan(0);
    expect(found('ITLp50<60').length).toBeGreaterThan(0);
    expect(found('provider-fallback')).toHaveLength(1);
    expect(found('out-of-memory').map((row) => row.state)).toEqual(['failed']);
    expect(found('nothing-like-this')).toEqual([]);
  });

  test.each([
    ['decoed>20', 'decoed>20: there is no column decoed; did you mean decode?'],
    ['mumble<=3', 'mumble<=3: there is no column mumble'],
    ['decode>fast', 'decode>fast: fast is no number'],
    ['decode>', 'decode>: write a value behind >'],
    ['parallel<=many', 'parallel<=many: many is no number'],
    ['quantization>5', 'quantization>5: quantization has no numbers; write quantization='],
  ])('%s says what is wrong, and hides no row', (word, why) => {
    expect(readWords(report, word).problems).toEqual([expect.stringContaining(why)]);
    expect(found(word)).toHaveLength(24);
    expect(found(`${word} q4_k_m`)).toHaveLength(4);
  });

  test('what can be read says nothing, whether a row is so or not', () => {
    for (const words of ['', '  ', 'q4_k_m parallel=4 decode>=1e2', 'parallel=77', 'nothing-like-this'])
      expect(readWords(report, words).problems, words).toEqual([]);
  });

  test('state and axis choices combine with the words', () => {
    // A stroke along an axis: from the first value to the second, and a metric's upper half.
    const { metrics } = report;
    const decode = metrics.find(({ name }) => name === 'decodeTokensPerSecond')!.name;
    const ranged = (ranges: Record<string, readonly [number, number]>) =>
      filterRows(report, { ...EMPTY_FILTER, ranges });
    const parallel = [...report.axes.find(({ name }) => name === 'parallel')!.values]
      .map(Number)
      .sort((a, b) => a - b);
    expect(ranged({ 'axis:parallel': [0, 0.4] }).every((row) => row.axes.parallel === parallel[0])).toBe(
      true,
    );
    expect(ranged({ 'axis:parallel': [0, 0.4] }).length).toBeGreaterThan(0);
    const values = report.rows.flatMap((row) => quotedOf(row, decode)?.value ?? []);
    expect(ranged({ [`metric:${decode}`]: [20, 1e9] })).toHaveLength(
      values.filter((value) => value >= 20).length,
    );
    expect(ranged({ 'metric:nothing': [0, 1] })).toEqual([]);
    expect(filterRows(report, { ...EMPTY_FILTER, state: 'front' }).every((row) => row.onFront)).toBe(true);
    const rows = filterRows(report, {
      text: 'parallel=1',
      state: 'clean',
      ranges: {},
      axes: { quantization: 'f16' },
    });
    expect(rows).toHaveLength(2);
  });
});

test('order of the page: numbers by size, texts by their numbers, nothing last both ways', () => {
  const by = (key: string, descending: boolean) => sortRows(report.rows, { key, descending });
  const values = (rows: Row[]) =>
    rows.map((row) => row.trial.measurements.decodeTokensPerSecond?.value ?? null);
  const [up, down] = [
    values(by('metric:decodeTokensPerSecond', false)),
    values(by('metric:decodeTokensPerSecond', true)),
  ];
  expect(up.at(-1)).toBeNull();
  expect(down.at(-1)).toBeNull();
  expect(up.slice(0, -1)).toEqual([...up.slice(0, -1)].sort((a, b) => Number(a) - Number(b)));
  expect(down.slice(0, -1)).toEqual(up.slice(0, -1).reverse());
  const names = by('axis:quantization', false).map((row) => row.axes.quantization);
  expect(new Set(names.slice(0, 4))).toEqual(new Set(['f16']));
  expect(by('number', false)).toEqual([...report.rows]);
});

test('front of the plot is the front of the core for any two metrics', () => {
  const row = report.rows[0];
  const metrics = report.metrics;
  const [x, y] = [metrics[0], metrics[1]];
  if (row === undefined || x === undefined || y === undefined) throw new Error('the report has no rows');
  const better = fc.constantFrom('max' as const, 'min' as const);
  const point = fc.record({ x: fc.integer({ min: 0, max: 9 }), y: fc.integer({ min: 0, max: 9 }) });
  forAll(100, [fc.array(point, { maxLength: 40 }), better, better], (pairs, xBetter, yBetter) => {
    const points: Point[] = pairs.map((pair) => ({ ...pair, row }));
    const front = frontOf(points, { ...x, better: xBetter }, { ...y, better: yBetter });
    const marks = paretoFront(
      pairs,
      [
        { metric: 'x', better: xBetter },
        { metric: 'y', better: yBetter },
      ],
      (pair, metric) => (metric === 'x' ? pair.x : pair.y),
    );
    const names = (list: readonly { x: number; y: number }[]) => new Set(list.map((p) => `${p.x},${p.y}`));
    expect(names(front)).toEqual(names(pairs.filter((_, i) => marks[i]?.onFront)));
  });
});

describe('a plot without a front says why', () => {
  const [decode, prefill] = ['decodeTokensPerSecond', 'prefillTokensPerSecond'].map(
    (name) => report.metrics.find((metric) => metric.name === name)!,
  );
  const axes = [decode!, prefill!];
  const points = pointsOf(report.rows, decode!.name, prefill!.name).filter(
    ({ row }) => row.state === 'valid',
  );

  test('an axis has no better direction', () => {
    expect(whyNoFront(points, [decode!, { ...prefill!, better: null }])).toBe(
      'no front: one of the axes has no better direction',
    );
  });

  test('no row with both numbers is valid', () => {
    const failed = points.map((point) => ({ ...point, row: { ...point.row, state: 'invalid' as const } }));
    expect(frontOf(failed, decode!, prefill!)).toEqual([]);
    expect(whyNoFront(failed, axes)).toBe('no front: no valid row has both numbers');
  });

  test('every number is as measured', () => {
    const unlike = points.map(({ row, ...point }) => {
      const { trial } = row;
      const entry = trial.measurements[decode!.name] as Measurement;
      const measurements = {
        ...trial.measurements,
        [decode!.name]: { ...entry, range: [1, 2] as [number, number] },
      };
      return { ...point, row: { ...row, trial: { ...trial, measurements } } };
    });
    expect(unlike.length).toBeGreaterThan(0);
    expect(frontOf(unlike, decode!, prefill!)).toEqual([]);
    expect(whyNoFront(unlike, axes)).toBe(
      `no front: every row has a number that is as measured, for ${UNLIKE_ADVICE}`,
    );
  });
});

describe('front of more than two objectives', () => {
  const three = buildReport(techniqueRecords(), {
    sweepName: 's',
    objectives: [
      { metric: 'decodeTokensPerSecond', better: 'max' },
      { metric: 'perplexity', better: 'min' },
      { metric: 'modelBytes', better: 'min' },
    ],
  });
  const front = (x: string, y: string) => {
    const [across, up] = [x, y].map((name) => three.metrics.find((m) => m.name === name));
    if (across === undefined || up === undefined) throw new Error('no such metric');
    return frontFor(three, pointsOf(three.rows, x, y), across, up);
  };

  test('is the report’s own between two objectives, and is not joined by a line', () => {
    const { points, joined, ofSweep } = front('perplexity', 'decodeTokensPerSecond');
    expect([joined, ofSweep]).toEqual([false, true]);
    expect(points.map(({ row }) => row)).toEqual(three.rows.filter((row) => row.onFront));
    expect(points.length).toBeGreaterThan(
      frontOf(
        pointsOf(three.rows, 'perplexity', 'decodeTokensPerSecond'),
        three.metrics.find((m) => m.name === 'perplexity')!,
        three.metrics.find((m) => m.name === 'decodeTokensPerSecond')!,
      ).length,
    );
  });

  test('is that of the two axes where one is no objective', () => {
    expect(front('klDivergenceNats', 'decodeTokensPerSecond')).toMatchObject({
      joined: true,
      ofSweep: false,
    });
  });

  test('an area is in proportion to its value', () => {
    expect(pixelsOf(100, 100)).toBe(SIZES.most);
    expect(pixelsOf(25, 100)).toBe(SIZES.most / 2);
    expect(pixelsOf(0, 100)).toBe(SIZES.least);
    expect(pixelsOf(0, 0)).toBe(SIZES.least);
  });

  test('sets of columns offer what this report has', () => {
    expect(columnsOfSet(three, 'quality')).toContain('klDivergenceP99Nats');
    expect(columnsOfSet(three, 'efficientllm')).toEqual([]);
    expect(columnsOfSet(three, 'default')).toEqual(three.metrics.filter((m) => m.shown).map((m) => m.name));
  });

  test('rows are found by a word as the table shows it and as the sweep wrote it', () => {
    const text = (words: string) => filterRows(three, { ...EMPTY_FILTER, text: words }).length;
    expect(text('sparsity=wanda:60%?dsnot=strict&tokens=256')).toBe(8);
    expect(text('dsnot=strict')).toBe(8);
  });
});

test('strips of the detail panel: counters become rates, the sums and masks stay away, power comes first', () => {
  const [trial] = sweepRecords({ experiments: 1, watts: 80 }).filter((r) => r.sweep.purpose === 'measure');
  if (trial === undefined) throw new Error('no trial');
  const { samples } =
    unpack(pack([trial], new Set([trial.trialId]), { sweepName: 's', objectives: [] }))[0] ?? trial;
  const strips = stripsOf({ ...trial, samples });
  expect(strips.map((s) => `${s.label} ${s.unit}`)).toEqual([
    'power package-0 W',
    'process CPU cores',
    'CPU clock Hz',
    'process resident B',
  ]);
  // The counter started at 70 kJ; its growth is still 80 W after the rounding for the page.
  expect(strips[0]?.points.at(-1)?.[1]).toBeCloseTo(80, 1);
  expect(strips[1]?.points.at(-1)?.[1]).toBeCloseTo(4 * 0.98, 2);
});
