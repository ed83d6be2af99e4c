import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PRIORS } from '../../../judgement/pace.js';
import { commonAlike } from '../../../statistics/common-fit.js';
import { studentTwoSided } from '../../../statistics/distributions.js';
import { differenceOf, intervalOf, ratioInterval } from '../../../statistics/joint-compare.js';
import { jointFit } from '../../../statistics/joint-fit.js';
import { type Estimate, estimateOf } from '../../../statistics/row-estimate.js';
import { holm } from '../../../statistics/significance.js';
import { mean } from '../../../statistics/summary.js';
import {
  calmness,
  type Prior,
  type Readings,
  type Starts,
  weightsOf,
} from '../../../statistics/weighted-starts.js';
import { type Draw, drawFrom } from '../../bench/statistics/draw.js';

/**
 * Of each start: log decode t/s, log prefill t/s, lost share, log latency ratio, and what others took by
 * decode's reading and by prefill's.
 */
type Start = [decode: number, prefill: number, lost: number, far: number, tokens: number, share: number];
type Run = Record<string, Start[]>;

/**
 * Starts of the quickstart as a guest with neighbours gave them in six runs of one build, the last beside a
 * burner at half of one CPU; and what an independent implementation (NumPy, SciPy) makes of two of them
 * fitted together.
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

/** Prefill's reading is of the CPU that is taken most, of two. */
const ofOneCpu = (share: number) => -Math.log(1 - Math.min(0.85, 2 * share));
const startsOf = (run: Run, at: 0 | 1, prefill = ofOneCpu): Starts[] =>
  ROWS.map((row) => ({
    y: run[row]!.map((start) => start[at]),
    x: run[row]!.map(([, , lost, far, tokens, share]) => [lost, far, at === 0 ? tokens : prefill(share)]),
  }));
const paired = (a: Run, b: Run, pace: 'decode' | 'prefill', prior = PRIORS[pace], prefill = ofOneCpu) => {
  const at = pace === 'decode' ? 0 : 1;
  const fit = jointFit([...startsOf(a, at, prefill), ...startsOf(b, at, prefill)], prior);
  return ROWS.map((row, i) => ({
    row,
    base: fit.rows[i]!,
    estimate: fit.rows[ROWS.length + i]!,
    difference: differenceOf(fit, [{ base: fit.rows[i]!, candidate: fit.rows[ROWS.length + i]! }], {
      oneSitting: false,
    }),
    fit,
  }));
};
/** What the independent implementation began with; its prefill goes by the share of all CPU time. */
const REFERENCE_PRIORS: Record<'decode' | 'prefill', Partial<Prior>> = {
  decode: {
    explainedSd: 0,
    slopesSd: [0.4, 0.12, 0.2],
    rowSlopesSd: [0.25, 0.07, 0.1],
    spreadSlopes: [0.35, 0.1, 0.3],
  },
  prefill: {
    explainedSd: 0,
    slopes: [0.6, 0.13, 2.5],
    slopesSd: [0.4, 0.12, 1],
    rowSlopesSd: [0.25, 0.07, 0.8],
    spreadSlopes: [0.35, 0.1, 3],
  },
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

    test(`${pace}: beside a burner errors stay small, and intervals hold what calmer runs say`, () => {
      const beside = jointFit(startsOf(runs.b1, at), PRIORS[pace]).rows as Estimate[];
      const calm = ROWS.map((_, r) => mean(QUIET.map((run) => estimates[run][r]!.centre)));
      expect(rms(beside.map(({ centre }, r) => centre - calm[r]!))).toBeLessThan(
        pace === 'decode' ? 0.13 : 0.25,
      );
      for (const [r, row] of beside.entries()) {
        const [low, high] = intervalOf(row);
        expect(low).toBeLessThan(Math.exp(calm[r]!));
        expect(high).toBeGreaterThan(Math.exp(calm[r]!));
      }
    });

    test(`${pace}: the numbers are those of an independent implementation`, () => {
      const known = reference[pace];
      const rows = paired(
        runs.aa1,
        runs.o1,
        pace,
        { ...PRIORS[pace], ...REFERENCE_PRIORS[pace] },
        (share) => share,
      );
      rows[0]!.fit.slopes.forEach((slope, k) => {
        expect(slope).toBeCloseTo(known.slopes[k]!, 6);
      });
      for (const { row, base, estimate, difference } of rows) {
        const [centre, error, df] = known.rows[row]!;
        expect(estimate.centre).toBeCloseTo(centre, 6);
        expect(estimate.error).toBeCloseTo(error, 6);
        expect(estimate.df).toBeCloseTo(df, 6);
        const [logRatio, apart, dfApart] = known.differences[row]!;
        expect(difference.logRatio).toBeCloseTo(logRatio, 6);
        // A third of the difference of what was adjusted is ours alone, and a fifth of each.
        const [there, here] = [estimate, base].map((one) => one.centre - one.unadjusted) as [number, number];
        const further = Math.hypot(apart, (there - here) / 3, there / 5, here / 5);
        expect(difference.error).toBeCloseTo(further, 6);
        expect(difference.df).toBeCloseTo(dfApart, 3);
        expect(difference.p).toBeCloseTo(studentTwoSided(logRatio / further, dfApart), 4);
      }
    });
  }
});

describe('without any difference and without readings', () => {
  const DRAWS = 300;
  const STARTS = 5;
  const none: Starts['x'] = Array.from({ length: STARTS }, () => null);
  const rowOf = (draw: Draw, sd: number): Starts => ({
    y: Array.from({ length: STARTS }, () => sd * draw.normal()),
    x: none,
  });
  /**
   * Of `DRAWS` comparisons of rows with these spreads, the share in which some row is found at 5 % after
   * Holm.
   */
  const falseFinds = (spreads: readonly number[]): number => {
    const draw = drawFrom(3);
    const found = Array.from({ length: DRAWS }, () => {
      const fit = jointFit(
        [...spreads, ...spreads].map((sd) => rowOf(draw, sd)),
        PRIORS.decode,
      );
      const p = spreads.map((_, r) => {
        const pair = { base: fit.rows[r]!, candidate: fit.rows[spreads.length + r]! };
        return differenceOf(fit, [pair], { oneSitting: true }).p;
      });
      return holm(p).some((one) => one < 0.05);
    });
    return mean(found.map(Number));
  };

  test('rows of which some are a hundred times as noisy as others have few false finds', () => {
    const spreads = [0.002, 0.003, 0.005, 0.01, 0.01, 0.02, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2];
    expect(falseFinds(spreads)).toBeLessThan(0.09);
  });

  test.each([0.002, 0.02, 0.2])(
    'a row alone is found by chance in about 5 %% whatever its noise, here %d',
    (sd) => {
      const share = falseFinds([sd]);
      expect(share).toBeGreaterThan(0.02);
      expect(share).toBeLessThan(0.09);
    },
  );
});

describe('a joint fit', () => {
  const prior = PRIORS.decode;
  const NONE: Readings = [0, 0, 0];
  const calm = (...y: (number | null)[]): Starts => ({ y, x: y.map(() => NONE) });

  test('what happened to starts and no reading tells the size of widens rows, and only what differs in it', () => {
    const row = (centre: number, beyond: number): Starts => ({
      y: [centre, centre + 0.01, centre - 0.01],
      x: [NONE, NONE, NONE],
      beyond: [beyond, beyond, beyond],
    });
    const fit = jointFit([row(7, 0), row(6, 1), row(6.9, 1)], prior);
    const [calm, slow, other] = fit.rows as [Estimate, Estimate, Estimate];
    expect([calm.beyond, slow.beyond]).toEqual([0, 1]);
    expect(slow.error).toBeGreaterThan(1);
    const p = (base: Estimate, candidate: Estimate) =>
      differenceOf(fit, [{ base, candidate }], { oneSitting: true }).p;
    expect(p(calm, slow)).toBeGreaterThan(0.2);
    expect(p(slow, other)).toBeLessThan(0.05);
  });

  test('one start has an interval of the prior spread, and several a narrower one', () => {
    const [one, three] = jointFit([calm(5), calm(5, 5.01, 4.99)], prior).rows as Estimate[];
    expect(one!.centre).toBe(5);
    expect(one!.df).toBe(4);
    expect(one!.error).toBeCloseTo(Math.hypot(Math.sqrt(1.4) * prior.spread, prior.sitting), 10);
    expect(three!.error).toBeLessThan(one!.error / 1.5);
  });

  test('a disturbed start is adjusted, and counts less', () => {
    const row = jointFit([{ y: [5, 4.9], x: [NONE, [0.2, 0.5, 0.1]] }], prior).rows[0]!;
    expect(row.centre).toBeGreaterThan(row.asMeasured);
    expect(calmness(NONE, prior)).toBe(1);
    expect(calmness([0.3, 0, 0], prior)).toBeLessThan(0.5);
  });

  test('without readings nothing is adjusted and no weight is lost', () => {
    const row = jointFit([{ y: [5, 5.1], x: [null, null] }], prior).rows[0]!;
    expect(row.centre).toBe(row.asMeasured);
    expect(calmness(null, prior)).toBe(1);
  });

  test('a start that lies far off hardly moves its row', () => {
    const others = Array.from({ length: 5 }, (_, i) => calm(i, i + 0.02, i - 0.02));
    expect(jointFit([calm(5, 5.01, 4.99, 5.02, 3), ...others], prior).rows[0]!.centre).toBeGreaterThan(4.9);
  });

  test('a start or a row without a number is left out, and other metrics of the pace keep to the same weights', () => {
    const rows = [calm(5, null, 5.1), calm(null), calm()];
    const fit = jointFit(rows, prior);
    expect(fit.rows.map((row) => row?.starts ?? null)).toEqual([2, null, null]);
    const weights = weightsOf(rows[0]!, fit);
    const ratios = calm(3, null, 3.1);
    const common = commonAlike(fit, [ratios], () => weights);
    const other = estimateOf(ratios, weights, common)!;
    expect(other.centre).toBeCloseTo(fit.rows[0]!.centre - 2, 12);
    expect(other.error).toBeCloseTo(fit.rows[0]!.error, 12);
  });

  test('starts far closer together than the prior has it are taken at their word', () => {
    const quiet = jointFit([calm(5, 5.001, 4.999)], prior).rows[0]!;
    expect(quiet.df).toBe(2);
    expect(quiet.error).toBeLessThan(0.002);
    expect(jointFit([calm(5, 5.05, 4.95)], prior).rows[0]!.df).toBe(6);
  });

  test('equal starts of a pair have a centre', () => {
    const fit = jointFit([calm(5, 5, 5, 5, 5), calm(6, 6, 6, 6, 6)], prior);
    expect(fit.rows.map((row) => row?.centre)).toEqual([5, 6]);
    const [base, candidate] = fit.rows as [Estimate, Estimate];
    expect(differenceOf(fit, [{ base, candidate }], { oneSitting: true }).p).toBe(0);
  });

  test('in one sitting a difference has no term of the sitting; the smallest visible one is told', () => {
    const fit = jointFit([calm(5, 5.02, 4.98), calm(5.1, 5.08, 5.12)], prior);
    const [a, b] = fit.rows as [Estimate, Estimate];
    const [apart, together] = [false, true].map((oneSitting) =>
      differenceOf(fit, [{ base: a, candidate: b }], { oneSitting }),
    );
    expect(apart!.error ** 2 - together!.error ** 2).toBeCloseTo(2 * prior.sitting ** 2, 12);
    expect(together!.smallestVisible).toBeGreaterThan(1);
    expect(apart!.smallestVisible).toBeGreaterThan(together!.smallestVisible);
    const [low, high] = ratioInterval(together!);
    expect(Math.sqrt(low * high)).toBeCloseTo(Math.exp(together!.logRatio), 12);
  });
});
