import { describe, expect, test } from 'vitest';
import { COSTS, type MatrixRow, matrixOf } from '../../../core/quality/answers/matrix.js';
import { macroScore, scoreEstimate, Tally } from '../../../core/quality/answers/metrics.js';
import { readOutside } from '../../../core/quality/answers/outside.js';
import { mainName, readAnswer } from '../../../core/quality/answers/record.js';
import { kappa, kendallTau } from '../../../statistics/agreement.js';
import { wilsonInterval } from '../../../statistics/proportion.js';

describe('scores of outside', () => {
  test('are joined by item, and where they say it by task and row', () => {
    const lines = [
      { item: 'q1', human: 0.5, note: 'fair' },
      { item: 'q2', task: 'exam', human: 1 },
      { item: 'q2', task: 'exam', row: 'small', human: 0 },
    ];
    const read = readOutside(lines.map((line) => JSON.stringify(line)).join('\n'));
    if (typeof read === 'string') throw new Error(read);
    expect(read.columns).toEqual(['human']);
    expect(read.scoresOf(['large', '2'], 'exam', 'q1')).toEqual({ human: 0.5 });
    expect(read.scoresOf(['large', '2'], 'exam', 'q2')).toEqual({ human: 1 });
    expect(read.scoresOf(['small', '1'], 'exam', 'q2')).toEqual({ human: 0 });
    expect(read.scoresOf(['small'], 'other', 'q2')).toBeNull();
  });

  test('come as CSV, too, with quotes and missing fields', () => {
    const read = readOutside('item,"a ""judge""",human\r\n"q,1",0.25,\r\nq2,1,0\r\n');
    if (typeof read === 'string') throw new Error(read);
    expect(read.columns).toEqual(['a "judge"', 'human']);
    expect(read.scoresOf([], 't', 'q,1')).toEqual({ 'a "judge"': 0.25 });
    expect(read.scoresOf([], 't', 'q2')).toEqual({ 'a "judge"': 1, human: 0 });
  });

  test.each([
    ['id,score\nq1,1', 'its first line names no column item'],
    ['{"human": 1}', 'record 1 has no item'],
    ['{"item": "a", "human": 1}\n{"item": "a", "human": 0}', 'the item a is scored twice (record 2)'],
    ['{"item": "a", "human": "good"}', 'it has no column of numbers'],
    ['{"item": ', 'line 1 is not JSON'],
  ])('that are wrong are told in a sentence: %s', (text, why) => expect(readOutside(text)).toBe(why));
});

describe('metrics', () => {
  test('right and wrong have Wilson’s interval, shares a bootstrap', () => {
    const right = [1, 1, 0, 1];
    expect(scoreEstimate(right)).toEqual({ value: 0.75, ci95: wilsonInterval(3, 4), how: 'wilson' });
    const shares = scoreEstimate([0.2, 0.4, 0.9, 0.5]);
    expect(shares).toMatchObject({ value: 0.5, how: 'bootstrap' });
    expect(shares!.ci95![0]).toBeLessThan(0.5);
    expect(scoreEstimate([0.5])).toMatchObject({ ci95: null });
    expect(scoreEstimate([])).toBeNull();
  });

  test('means leave out what is not known, and groups count once each in the macro score', () => {
    const unknown = { secondsToFirst: null, tokensOut: null, joules: null, kvBytes: null };
    const tally = (scores: (number | null)[]) => {
      const one = new Tally();
      for (const score of scores) one.add({ ...unknown, score, seconds: score, tokensIn: 4 });
      return one.metrics();
    };
    const [a, b] = [tally([1, 1, 0, null]), tally([0])];
    expect(a).toMatchObject({ items: 4, seconds: 2 / 3, tokensIn: 4, tokensOut: null, joules: null });
    expect(macroScore([a, b])).toBeCloseTo(1 / 3, 12);
  });

  test('options stand for a task by their score per byte', () => {
    expect(mainName({ scores: { sum: 1, perByte: 0 } }, null)).toBe('perByte');
    expect(mainName({ scores: { exact: 1, chrf: 0.5 } }, null)).toBe('exact');
    expect(mainName({ scores: { exact: 1 } }, 'chrf')).toBeNull();
  });
});

test('agreement: Cohen’s example, and ties', () => {
  // 20 and 15 of 50 agreed on yes and no; 5 and 10 not (kappa 0.4).
  const pairs = [
    ...Array(20).fill([1, 1]),
    ...Array(5).fill([1, 0]),
    ...Array(10).fill([0, 1]),
    ...Array(15).fill([0, 0]),
  ];
  expect(
    kappa(
      pairs.map(([a]) => a),
      pairs.map(([, b]) => b),
    ),
  ).toBeCloseTo(0.4, 12);
  expect(kappa([1, 1], [1, 1])).toBeNull();
  expect(kendallTau([1, 2, 3], [1, 2, 3])).toBe(1);
  expect(kendallTau([1, 2, 3], [3, 2, 1])).toBe(-1);
  expect(kendallTau([1, 1], [1, 2])).toBeNull();
});

describe('items by rows', () => {
  const row = (label: string, scores: number[], seconds: number, confidences = scores): MatrixRow => ({
    label,
    scores: Float64Array.from(scores),
    confidences: Float64Array.from(confidences),
    costs: Object.fromEntries(
      COSTS.map((cost) => [
        cost,
        new Float64Array(scores.length).fill(cost === 'seconds' ? seconds : Number.NaN),
      ]),
    ) as MatrixRow['costs'],
  });

  test('the best of each item, agreement, and who is best of drawn items', () => {
    const found = matrixOf([row('small', [1, 0, 0, 0], 1), row('large', [0, 1, 1, 0], 3)]);
    expect(found).toMatchObject({ items: 4, noneRight: 1, allRight: 0, oracle: { value: 0.75 } });
    expect(found.agreement).toMatchObject([{ a: 'small', b: 'large', same: 0.25 }]);
    const [small, large] = found.rows;
    expect(small!.bestShare + large!.bestShare).toBeCloseTo(1, 9);
    expect(large!.bestShare).toBeGreaterThan(small!.bestShare);
    expect(small!.costs).toEqual({ seconds: 1, tokens: null, joules: null, money: null });
    expect(found.curves.map(({ cost }) => cost)).toEqual(['seconds']);
  });

  test('graded scores agree by ICC, and by QWK where all grades are known', () => {
    const rows = [row('a', [0, 0.5, 1, 1], 1), row('b', [0, 0.5, 1, 0.5], 1)];
    expect(matrixOf(rows).agreement[0]).toMatchObject({ same: 1, kappa: 1, quadraticKappa: null });
    const [pair] = matrixOf(rows, [0, 0.5, 1]).agreement;
    expect(pair!.quadraticKappa).toBeCloseTo(0.8, 12);
    expect(pair!.icc).toBeGreaterThan(0.7);
  });

  test('routing goes from the cheapest row to the best answers, and pays for the dear one only where it helps', () => {
    const [{ routing } = { routing: [] }] = matrixOf([
      row('small', [1, 0, 0, 0], 1),
      row('large', [0, 1, 1, 0], 3),
    ]).curves;
    expect(routing[0]).toEqual({ score: 0.25, cost: 1, shares: [1, 0] });
    expect(routing.at(-1)).toEqual({ score: 0.75, cost: 2, shares: [0.5, 0.5] });
  });

  test('a cascade pays for each row that it passed, and needs to know how sure they are', () => {
    const [small, large] = [row('small', [1, 0], 1, [0.9, 0.3]), row('large', [1, 1], 3)];
    const { cascade } = matrixOf([small, large]).curves[0]!;
    expect(cascade).toEqual([
      { score: 0.5, cost: 1, shares: [1, 0] },
      { score: 1, cost: 2.5, shares: [0.5, 0.5] },
      { score: 1, cost: 4, shares: [0, 1] },
    ]);
    const silent = row('small', [1, 0], 1, [Number.NaN, Number.NaN]);
    expect(matrixOf([silent, large]).curves[0]!.cascade).toBeNull();
  });
});

test('a line that is no answer is told', () => {
  expect(readAnswer('{')).toBe('the line is not JSON');
  expect(readAnswer('{"schema":"ridgepoint.dev/answer/v1"}')).toMatch(/^not an answer: task: /);
});
