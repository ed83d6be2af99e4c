import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PRIORS } from '../../../core/judgement/pace.js';
import { differenceOf, intervalOf, ratioInterval } from '../../../core/statistics/joint-compare.js';
import {
  alike,
  type Estimate,
  jointFit,
  type Readings,
  type StartLog,
} from '../../../core/statistics/joint-fit.js';
import { holm } from '../../../core/statistics/significance.js';
import { mean } from '../../../core/statistics/summary.js';

/** Of each start: log decode t/s, log prefill t/s, lost share, log latency ratio, others' share of CPU time. */
type Start = [decode: number, prefill: number, ...readings: Readings];
type Run = Record<string, Start[]>;

/**
 * Starts of the quickstart as a guest with neighbours gave them in six runs of one build, the last beside a burner at half of one CPU;
 * and what an independent implementation (NumPy, SciPy) makes of two of them fitted together.
 */
const { runs, reference } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/noisy-starts.json'), 'utf8'),
) as {
  runs: Record<'q1' | 'aa1' | 'aq1' | 'aq2' | 'o1' | 'b1', Run>;
  reference: Record<
    'decode' | 'prefill',
    {
      slopes: Readings;
      rows: Record<string, [centre: number, error: number, df: number]>;
      differences: Record<string, [logRatio: number, error: number, df: number, p: number]>;
    }
  >;
};
const QUIET = ['q1', 'aa1', 'aq1', 'aq2', 'o1'] as const;
const ROWS = Object.keys(runs.q1);

const startsOf = (run: Run, at: 0 | 1): StartLog[][] =>
  ROWS.map((row) => run[row]!.map((start) => ({ y: start[at], x: [start[2], start[3], start[4]] })));
const paired = (a: Run, b: Run, pace: 'decode' | 'prefill') => {
  const at = pace === 'decode' ? 0 : 1;
  const fit = jointFit([...startsOf(a, at), ...startsOf(b, at)], PRIORS[pace]);
  return ROWS.map((row, i) => ({
    row,
    estimate: fit.rows[ROWS.length + i]!,
    difference: differenceOf(fit, fit.rows[i]!, fit.rows[ROWS.length + i]!, { oneSitting: false }),
    fit,
  }));
};
const rms = (values: readonly number[]) => Math.sqrt(mean(values.map((v) => v * v)));

describe('replayed over recorded runs of earlier machines', () => {
  for (const [pace, at, worst, typical] of [
    ['decode', 0, 0.065, 0.2],
    ['prefill', 1, 0.032, 0.12],
  ] as const) {
    const estimates = Object.fromEntries(
      QUIET.map((run) => [run, jointFit(startsOf(runs[run], at), PRIORS[pace]).rows as Estimate[]]),
    ) as Record<(typeof QUIET)[number], Estimate[]>;
    /** Mean of the other runs. */
    const others = (run: string, row: number) =>
      mean(QUIET.filter((other) => other !== run).map((other) => estimates[other][row]!.centre));

    test(`${pace}: estimates agree with the other runs as well as was found`, () => {
      const errors = QUIET.flatMap((run) => ROWS.map((_, r) => estimates[run][r]!.centre - others(run, r)));
      expect(rms(errors) * Math.sqrt((QUIET.length - 1) / QUIET.length)).toBeLessThan(worst);
    });

    test(`${pace}: every row has an interval, and nearly all hold the middle run`, () => {
      const rows = QUIET.flatMap((run) => ROWS.map((_, r) => ({ own: estimates[run][r]!, r })));
      const held = rows.filter(({ own, r }) => {
        const middle = QUIET.map((run) => estimates[run][r]!.centre).sort((a, b) => a - b)[2]!;
        const [low, high] = intervalOf(own);
        return low <= Math.exp(middle) && Math.exp(middle) <= high;
      });
      expect(rows).toHaveLength(60);
      expect(held.length).toBeGreaterThanOrEqual(57);
      const halves = rows.map(({ own }) => Math.log(intervalOf(own)[1]) - own.centre).sort((a, b) => a - b);
      expect(halves[30]).toBeLessThan(typical);
    });

    test(`${pace}: of ten pairs of runs of one build at most one has a find`, () => {
      const pairs = QUIET.flatMap((a, i) => QUIET.slice(i + 1).map((b) => paired(runs[a], runs[b], pace)));
      const found = pairs.filter((rows) => holm(rows.map((r) => r.difference.p)).some((p) => p < 0.05));
      expect(pairs).toHaveLength(10);
      expect(found.length).toBeLessThanOrEqual(1);
      const single = pairs.flat().filter(({ difference }) => difference.p < 0.05);
      expect(single.length / pairs.flat().length).toBeLessThanOrEqual(0.06);
    });

    test(`${pace}: beside a burner the intervals hold what the calmer runs say`, () => {
      const fit = jointFit(startsOf(runs.b1, at), PRIORS[pace]).rows as Estimate[];
      for (const [r] of ROWS.entries()) {
        const [low, high] = intervalOf(fit[r]!);
        const calm = Math.exp(mean(QUIET.map((run) => estimates[run][r]!.centre)));
        expect(low).toBeLessThan(calm);
        expect(high).toBeGreaterThan(calm);
      }
    });

    test(`${pace}: the numbers are those of an independent implementation`, () => {
      const known = reference[pace];
      const rows = paired(runs.aa1, runs.o1, pace);
      rows[0]!.fit.slopes.forEach((slope, k) => {
        expect(slope).toBeCloseTo(known.slopes[k]!, 6);
      });
      for (const { row, estimate, difference } of rows) {
        const [centre, error, df] = known.rows[row]!;
        expect(estimate.centre).toBeCloseTo(centre, 6);
        expect(estimate.error).toBeCloseTo(error, 6);
        expect(estimate.df).toBeCloseTo(df, 6);
        const [logRatio, apart, dfApart, p] = known.differences[row]!;
        expect(difference.logRatio).toBeCloseTo(logRatio, 6);
        expect(difference.error).toBeCloseTo(apart, 6);
        expect(difference.df).toBeCloseTo(dfApart, 5);
        expect(difference.p).toBeCloseTo(p, 6);
      }
    });
  }
});

describe('a joint fit', () => {
  const prior = PRIORS.decode;
  const at = (y: number | null, x: Readings | null = [0, 0, 0]): StartLog => ({ y, x });

  test('one start has an interval of the prior spread, and several a narrower one', () => {
    const [one, three] = jointFit([[at(5)], [at(5), at(5.01), at(4.99)]], prior).rows as Estimate[];
    expect(one!.centre).toBe(5);
    expect(one!.df).toBe(4);
    expect(one!.error).toBeCloseTo(Math.hypot(Math.sqrt(1.4) * prior.spread, prior.sitting), 10);
    expect(three!.error).toBeLessThan(one!.error / 1.5);
  });

  test('a disturbed start is adjusted upwards for a rate and downwards for a time, and counts less', () => {
    const starts = [at(5), at(4.9, [0.2, 0.5, 0.1])];
    const rates = jointFit([starts], prior).rows[0]!;
    const times = jointFit([starts.map(({ y, x }) => ({ y: -y!, x }))], prior, -1).rows[0]!;
    expect(rates.centre).toBeGreaterThan(rates.asMeasured);
    expect(times.centre).toBeCloseTo(-rates.centre, 12);
    expect(times.asMeasured).toBeCloseTo(-rates.asMeasured, 12);
    expect(rates.weight).toBeLessThan(1.5);
  });

  test('without readings nothing is adjusted and no weight is lost', () => {
    const row = jointFit([[at(5, null), at(5.1, null)]], prior).rows[0]!;
    expect(row.centre).toBe(row.asMeasured);
    expect(row.weight).toBe(2);
  });

  test('a start that lies far off hardly moves its row', () => {
    const rows = [
      [at(5), at(5.01), at(4.99), at(5.02), at(3)],
      ...Array.from({ length: 5 }, (_, i) => [at(i), at(i + 0.02), at(i - 0.02)]),
    ];
    expect(jointFit(rows, prior).rows[0]!.centre).toBeGreaterThan(4.9);
  });

  test('a start or a row without a number is left out, and other metrics of the pace keep to the same weights', () => {
    const fit = jointFit([[at(5), at(null), at(5.1)], [at(null)], []], prior);
    expect(fit.rows.map((row) => row?.starts ?? null)).toEqual([2, null, null]);
    const inverse = alike(fit, [[at(-5), at(null), at(-5.1)], [at(-3)], []], -1);
    expect(inverse.rows[0]!.centre).toBeCloseTo(-fit.rows[0]!.centre, 12);
    expect(inverse.rows[0]!.error).toBeCloseTo(fit.rows[0]!.error, 12);
    expect(inverse.rows[1]!.centre).toBe(-3);
  });

  test('in one sitting a difference has no term of the sitting; the smallest visible one is told', () => {
    const fit = jointFit(
      [
        [at(5), at(5.02), at(4.98)],
        [at(5.1), at(5.08), at(5.12)],
      ],
      prior,
    );
    const [a, b] = fit.rows as [Estimate, Estimate];
    const [apart, together] = [false, true].map((oneSitting) => differenceOf(fit, a, b, { oneSitting }));
    expect(apart!.error ** 2 - together!.error ** 2).toBeCloseTo(2 * prior.sitting ** 2, 12);
    expect(together!.smallestVisible).toBeGreaterThan(1);
    expect(apart!.smallestVisible).toBeGreaterThan(together!.smallestVisible);
    const [low, high] = ratioInterval(together!);
    expect(Math.sqrt(low * high)).toBeCloseTo(Math.exp(together!.logRatio), 12);
  });
});
