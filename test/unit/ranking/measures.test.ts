import { describe, expect, test } from 'vitest';
import { measure, type Ranked, trecOrder } from '../../../core/ranking/measures.js';
import { pearson, spearman } from '../../../statistics/correlation.js';

const ranked = (...ids: string[]): Ranked[] => ids.map((id, i) => ({ id, score: ids.length - i }));

describe('measures of rankings', () => {
  test('equal scores are ordered by id, descending, and scores are compared as single precision', () => {
    const list = [
      { id: 'a', score: 0.1234567891 },
      { id: 'c', score: 0.123456789 },
      { id: 'b', score: 0.5 },
      { id: 'd10', score: -1 },
      { id: 'd9', score: -1 },
    ];
    expect(trecOrder(list)).toEqual(['b', 'c', 'a', 'd9', 'd10']);
  });

  test('are those of trec_eval: linear gains, what is not judged is not relevant, negative grades are none', () => {
    const judged = new Map([
      ['a', 2],
      ['b', 0],
      ['c', 1],
      ['x', 3],
      ['n', -1],
    ]);
    const list = ranked('n', 'a', 'u', 'c', 'b');
    // Golden values of pytrec-eval-terrier 0.5.11.
    expect(measure('ndcg@10', list, judged)).toBeCloseTo(0.3554, 4);
    expect(measure('ndcg', list, judged)).toBeCloseTo(measure('ndcg@10', list, judged)!, 12);
    expect(measure('map', list, judged)).toBeCloseTo((1 / 2 + 2 / 4) / 3, 12);
    expect(measure('mrr', list, judged)).toBe(0.5);
    expect(measure('mrr@1', list, judged)).toBe(0);
    expect(measure('recall@2', list, judged)).toBeCloseTo(1 / 3, 12);
    expect(measure('p@5', list, judged)).toBe(0.4);
    // A cut longer than the list divides by the cut.
    expect(measure('p@10', list, judged)).toBe(0.2);
    expect(measure('ndcg@10', [], judged)).toBe(0);
    expect(measure('map', list, new Map())).toBe(0);
  });

  test('orders are held against grades where both vary', () => {
    const judged = new Map([
      ['a', 2],
      ['b', 1],
      ['c', 0],
    ]);
    expect(measure('kendall', ranked('a', 'b', 'c'), judged)).toBeCloseTo(1, 12);
    expect(measure('spearman', ranked('c', 'b', 'a'), judged)).toBeCloseTo(-1, 12);
    expect(measure('pearson', ranked('a', 'b', 'c'), judged)).toBeCloseTo(1, 12);
    expect(measure('kendall', ranked('a', 'u'), judged)).toBeNull();
    expect(spearman([1, 2, 3, 4], [1, 3, 2, 4])).toBeCloseTo(0.8, 12);
    expect(pearson([1, 1], [1, 2])).toBeNull();
  });
});
