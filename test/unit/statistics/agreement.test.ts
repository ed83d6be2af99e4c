import { describe, expect, test } from 'vitest';
import { fleissKappa, icc, kappa, kendallTau } from '../../../statistics/agreement.js';
import { classification, errorsOf, rocAuc } from '../../../statistics/classification.js';

/** The same number several times. */
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe('Cohen’s kappa', () => {
  test('is 0.4 of 50 proposals of which two readers agree on 35', () => {
    // 20 times both say yes, 15 times both no, 5 times only the first, 10 times only the second says yes:
    // (0.7 - 0.5) / (1 - 0.5).
    const first = [...times(20, 1), ...times(5, 1), ...times(10, 0), ...times(15, 0)];
    const second = [...times(20, 1), ...times(5, 0), ...times(10, 1), ...times(15, 0)];
    expect(kappa(first, second)).toBeCloseTo(0.4, 12);
  });

  test('weighs grades by their distance on the scale, or by its square', () => {
    // Each grade once, and twice one step apart: chance disagrees by (4 · 1 + 2 · 2) / 9 steps.
    const [a, b] = [
      [1, 2, 3],
      [1, 3, 2],
    ];
    expect(kappa(a, b, { weights: 'linear' })).toBeCloseTo(1 - 2 / 3 / (8 / 9), 12);
    expect(kappa(a, b, { weights: 'quadratic' })).toBeCloseTo(1 - 2 / 3 / (12 / 9), 12);
    expect(kappa(a, b)).toBeCloseTo(1 - 2 / 3 / (2 / 3), 12);
    // In whatever order grades come: two of three are one step apart, chance again by 8 / 9 steps.
    expect(kappa([3, 1, 2], [2, 1, 3], { weights: 'linear' })).toBeCloseTo(1 - 2 / 3 / (8 / 9), 12);
  });

  test('is of no number where one grade lies beyond the scale', () => {
    expect(kappa([1, 11, 2], [1, 1, 2], { scale: [1, 2, 3] })).toBeNull();
    expect(kappa([1, 1, 2], [1, 11, 2], { scale: [1, 2, 3] })).toBeNull();
  });

  test('is 1 of equal grades, below 0 of opposite ones, and nothing where chance alone agrees', () => {
    expect(kappa([1, 2, 3], [1, 2, 3], { weights: 'linear' })).toBe(1);
    expect(kappa([0, 1], [1, 0])).toBe(-1);
    expect(kappa([2, 2], [2, 2])).toBeNull();
    expect(kappa([], [])).toBeNull();
  });
});

describe('Fleiss’ kappa', () => {
  test('is 0.21 of the ten subjects and fourteen raters that textbooks have', () => {
    const counts = [
      [0, 0, 0, 0, 14],
      [0, 2, 6, 4, 2],
      [0, 0, 3, 5, 6],
      [0, 3, 9, 2, 0],
      [2, 2, 8, 1, 1],
      [7, 7, 0, 0, 0],
      [3, 2, 6, 3, 0],
      [2, 5, 3, 2, 2],
      [6, 5, 2, 1, 0],
      [0, 2, 2, 3, 7],
    ];
    const things = counts.map((row) => row.flatMap((count, category) => times(count, category)));
    expect(fleissKappa(things)).toBeCloseTo(0.20993, 5);
  });

  test('needs two raters, as many for each thing, and something to disagree on', () => {
    expect(fleissKappa([[1], [2]])).toBeNull();
    expect(
      fleissKappa([
        [1, 2],
        [1, 2, 2],
      ]),
    ).toBeNull();
    expect(fleissKappa([times(3, 1), times(3, 1)])).toBeNull();
    expect(fleissKappa([])).toBeNull();
    expect(
      fleissKappa([
        [1, 1],
        [2, 2],
      ]),
    ).toBe(1);
  });
});

describe('the intraclass correlation', () => {
  /** Six targets that four judges graded: Shrout & Fleiss, Psychological Bulletin 86(2), 1979, table 2. */
  const GRADES = [
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
  ];

  test('is ICC(2,1) = 0.29 of the example of its paper', () => {
    expect(icc(GRADES)).toBeCloseTo(0.2898, 4);
  });

  test('falls where one judge is stricter by a constant, and is 1 where judges agree', () => {
    const same = GRADES.map(([first]) => [first!, first!]);
    expect(icc(same)).toBeCloseTo(1, 12);
    expect(icc(same.map(([a, b]) => [a!, b! - 3]))!).toBeLessThan(0.6);
  });

  test('needs two things, two judges, and something that varies', () => {
    expect(icc([[1, 2]])).toBeNull();
    expect(icc([[1], [2]])).toBeNull();
    expect(icc([[1, 2], [1]])).toBeNull();
    expect(icc([times(3, 5), times(3, 5)])).toBeNull();
    // Two things are enough: mean squares 4 between things, 1 between judges, 0 left.
    expect(
      icc([
        [1, 2],
        [3, 4],
      ]),
    ).toBeCloseTo(0.8, 12);
  });
});

describe('Kendall’s τ-b', () => {
  test('is that of scipy.stats.kendalltau, ties included', () => {
    expect(kendallTau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])).toBeCloseTo(-0.47140452079103173, 12);
  });

  test('is 1 in the same order, -1 in the opposite, and nothing where one list is all ties', () => {
    expect(kendallTau([1, 2, 3], [10, 20, 30])).toBe(1);
    expect(kendallTau([1, 2, 3], [3, 2, 1])).toBe(-1);
    expect(kendallTau([1, 1, 1], [1, 2, 3])).toBeNull();
    expect(kendallTau([1, 2, 3], [1, 1, 1])).toBeNull();
  });
});

describe('classes', () => {
  test('that are found partly have their precision, recall and F1 beside the confusion of all', () => {
    // Of three cats two are found, one is called a dog; of two dogs one is found, of one nothing can be read.
    const truth = ['cat', 'cat', 'cat', 'dog', 'dog'];
    const result = classification(truth, ['cat', 'cat', 'dog', 'dog', '']);
    expect(result.classes).toEqual(['cat', 'dog', '']);
    expect(result.confusion).toEqual([
      [2, 1, 0],
      [0, 1, 1],
      [0, 0, 0],
    ]);
    expect(result.figures).toEqual([
      { name: 'cat', precision: 1, recall: 2 / 3, f1: 0.8, support: 3 },
      { name: 'dog', precision: 0.5, recall: 0.5, f1: 0.5, support: 2 },
    ]);
    expect(result.accuracy).toBeCloseTo(0.6, 12);
    expect(result.macroF1).toBeCloseTo(0.65, 12);
    expect(result.weightedF1).toBeCloseTo((3 * 0.8 + 2 * 0.5) / 5, 12);
    expect(result.balancedAccuracy).toBeCloseTo((2 / 3 + 0.5) / 2, 12);
  });

  test('that nobody names have a precision of 0', () => {
    expect(classification(['cat', 'dog'], ['dog', 'dog']).figures[0]).toMatchObject({ precision: 0, f1: 0 });
  });
});

test('the area under a ROC curve is the share of pairs in the right order, a tie for a half', () => {
  const positive = [true, true, false, false];
  expect(rocAuc([0.9, 0.8, 0.2, 0.1], positive)).toBe(1);
  expect(rocAuc([0.1, 0.2, 0.8, 0.9], positive)).toBe(0);
  // Against 0.5: 0.9 wins, 0.5 ties; against 0.7: 0.9 wins, 0.5 loses.
  expect(rocAuc([0.9, 0.5, 0.5, 0.7], positive)).toBe(2.5 / 4);
  expect(rocAuc([1, 2], [true, true])).toBeNull();
  expect(rocAuc([1, 2], [false, false])).toBeNull();
});

test('errors of numbers are told with their sign, without it, and squared', () => {
  const { rmse, mae, bias } = errorsOf([1, 2, 3, 4], [2, 2, 1, 8]);
  expect(bias).toBe((1 + 0 - 2 + 4) / 4);
  expect(mae).toBe((1 + 0 + 2 + 4) / 4);
  expect(rmse).toBeCloseTo(Math.sqrt((1 + 4 + 16) / 4), 12);
});
