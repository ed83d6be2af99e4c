import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  digamma,
  incompleteBeta,
  logGamma,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
  trigamma,
} from '../../../statistics/distributions.js';
import { tInterval } from '../../../statistics/interval.js';
import { quantile } from '../../../statistics/quantile.js';
import { holm } from '../../../statistics/significance.js';
import { summarize } from '../../../statistics/summary.js';
import { mannKendall } from '../../../statistics/trend.js';

interface SampleReference {
  values: number[];
  mean: number;
  median: number;
  stddev: number;
  quantiles: Record<string, number>;
  tInterval: [number, number];
  percentile: [number, number];
}
interface Reference {
  studentQuantile: [p: number, df: number, t: number][];
  studentCdf: [t: number, df: number, p: number][];
  incompleteBeta: [x: number, a: number, b: number, value: number][];
  logGamma: [x: number, value: number][];
  normalCdf: [z: number, p: number][];
  samples: Record<string, SampleReference>;
  rising: { p: number; slope: number };
  holm: { p: number[]; adjusted: number[] };
}

/** Made by test/fixtures/statistics.py. */
const reference = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/statistics.json'), 'utf8'),
) as Reference;
const valuesOf = (name: string) => reference.samples[name]!.values;

/** Fails unless two numbers agree to a relative tolerance (absolute below 1e-300). */
function agree(actual: number, expected: number, tolerance = 1e-10): void {
  expect(Math.abs(actual - expected), `${actual} against ${expected}`).toBeLessThanOrEqual(
    Math.abs(expected) * tolerance + 1e-300,
  );
}

describe('against SciPy', () => {
  test("Student's t: quantiles and distribution", () => {
    for (const [p, df, t] of reference.studentQuantile) agree(studentQuantile(p, df), t);
    for (const [t, df, p] of reference.studentCdf) agree(studentCdf(t, df), p);
  });

  test('log gamma, incomplete beta, normal', () => {
    for (const [x, value] of reference.logGamma) {
      expect(logGamma(x)).toBeCloseTo(value, 9);
    }
    for (const [x, a, b, value] of reference.incompleteBeta) agree(incompleteBeta(x, a, b), value);
    for (const [z, p] of reference.normalCdf) agree(normalCdf(z), p, 1e-12);
  });

  for (const [name, sample] of Object.entries(reference.samples)) {
    test(`summary, quantiles and intervals of "${name}"`, () => {
      const summary = summarize(sample.values)!;
      agree(summary.mean, sample.mean);
      agree(summary.median, sample.median);
      agree(summary.stddev!, sample.stddev);
      for (const [p, value] of Object.entries(sample.quantiles))
        agree(quantile(sample.values, Number(p)), value);
      const interval = tInterval(sample.values)!;
      agree(interval[0], sample.tInterval[0]);
      agree(interval[1], sample.tInterval[1]);
    });
  }

  test('trend: exact Kendall p and Theil–Sen slope', () => {
    const trend = mannKendall(valuesOf('rising'))!;
    agree(trend.p, reference.rising.p);
    agree(trend.slopePerStep, reference.rising.slope);
  });

  test('Holm keeps the order of its input', () => {
    holm(reference.holm.p).forEach((p, i) => {
      agree(p, reference.holm.adjusted[i]!);
    });
  });

  test('digamma and trigamma at 1 and 1/2', () => {
    expect(digamma(1)).toBeCloseTo(-0.5772156649015329, 12);
    expect(digamma(0.5)).toBeCloseTo(-1.9635100260214235, 12);
    expect(trigamma(1)).toBeCloseTo(Math.PI ** 2 / 6, 12);
    expect(trigamma(0.5)).toBeCloseTo(Math.PI ** 2 / 2, 12);
  });

  test('a quantile undoes its distribution', () => {
    for (const p of [1e-9, 0.01, 0.3, 0.5, 0.77, 0.999]) {
      agree(studentCdf(studentQuantile(p, 7), 7), p, 1e-12);
      agree(normalCdf(normalQuantile(p)), p, 1e-12);
    }
  });
});
