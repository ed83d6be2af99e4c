import { median } from './quantile.js';
import { mean } from './summary.js';

/** |modified z| above which Iglewicz & Hoaglin advise to call a value an outlier. */
export const OUTLIER_THRESHOLD = 3.5;

/**
 * Below this many values the median absolute deviation is the distance of two neighbours and condemns
 * healthy repeats (Rousseeuw & Verboven, "Robust estimation in very small samples", 2002).
 */
export const OUTLIER_MIN_VALUES = 5;

/**
 * Modified z-scores 0.6745 · (x − median) / MAD (Iglewicz & Hoaglin, "How to Detect and Handle Outliers",
 * ASQC 1993). When more than half of the values are equal, MAD is 0; then the mean absolute deviation about
 * the median stands in, scaled for the normal distribution by 1.253314 = √(π/2). When all are equal every
 * score is 0.
 */
export function modifiedZScores(values: readonly number[]): number[] {
  const centre = median(values);
  const distances = values.map((v) => Math.abs(v - centre));
  const mad = median(distances);
  if (mad > 0) return values.map((v) => (0.6745 * (v - centre)) / mad);
  const meanDeviation = mean(distances);
  return values.map((v) => (meanDeviation > 0 ? (v - centre) / (1.253314 * meanDeviation) : 0));
}

/** @returns the indices of the outliers, in order; empty for fewer than OUTLIER_MIN_VALUES values. */
export function outlierIndices(values: readonly number[], threshold = OUTLIER_THRESHOLD): number[] {
  if (values.length < OUTLIER_MIN_VALUES) return [];
  return modifiedZScores(values).flatMap((z, i) => (Math.abs(z) > threshold ? [i] : []));
}
