import { metricNamed, type Unit } from '../core/metrics/catalogue.js';
import { isPresent, type ResultRecord } from '../core/result/result.js';
import { detectable, type Figure } from '../statistics/allocation.js';
import { type Blocks, type Components, componentsOf, startLogs, unusable } from '../statistics/nested.js';
import { median } from '../statistics/quantile.js';
import { mean } from '../statistics/summary.js';

/** Metrics that a timed trial has once per repeat, for which the noise of a machine is reported. */
const TIMED = ['decodeTokensPerSecond', 'prefillTokensPerSecond', 'kernelSeconds'] as const;

/** Numbers of starts for which differences are reported: the default, and those of a careful sweep. */
const ASKED_STARTS = [3, 5, 8] as const;
/** A difference that is worth finding, such as a new release of an engine makes. */
const WANTED_DIFFERENCE = 0.02;
/** The search for a number of starts ends here, since no sweep takes more. */
const MOST_STARTS = 1000;

/** How a metric's spread is divided among levels, and which differences can still be found. */
export interface MetricNoise {
  readonly metric: string;
  readonly unit: Unit;
  /** Geometric mean over starts. */
  readonly centre: number;
  readonly components: Components;
  /**
   * Smallest difference of two rows of so many starts each that is found in 80 % of comparisons, as a share.
   */
  readonly detectable: readonly { readonly starts: number; readonly difference: Figure }[];
  /** Starts of each row for a difference of `WANTED_DIFFERENCE`. */
  readonly wanted: { readonly difference: number; readonly starts: Figure };
}

export interface Noise {
  readonly starts: number;
  readonly blocks: number;
  /** Of the median start. */
  readonly repeats: number;
  /**
   * Relative standard error of the estimated spread between starts, 1 / √(2 · degrees of freedom), which is
   * large with few starts.
   */
  readonly spreadError: number;
  readonly metrics: readonly MetricNoise[];
}

/**
 * How noisy a machine is, from starts of one experiment: the components of variance by level, and how far two
 * rows must differ to be told apart. Every start counts, even an invalid one, because its disturbance is part
 * of the noise.
 * @param blocks complete starts by the part of the time that they ran in.
 */
export function noiseOf(blocks: readonly (readonly ResultRecord[])[]): Noise {
  const starts = blocks.flat();
  const repeats = Math.max(1, Math.round(median(starts.map((record) => record.repeats.count))));
  return {
    starts: starts.length,
    blocks: blocks.length,
    repeats,
    spreadError: 1 / Math.sqrt(2 * Math.max(1, starts.length - blocks.length)),
    metrics: TIMED.flatMap((metric) => metricNoise(metric, readingsOf(blocks, metric), repeats) ?? []),
  };
}

function readingsOf(blocks: readonly (readonly ResultRecord[])[], metric: string): Blocks {
  return blocks.map((block) =>
    block.map(({ measurements }) => {
      const entry = measurements[metric];
      return isPresent(entry) ? (entry.samples ?? []) : [];
    }),
  );
}

function metricNoise(metric: string, blocks: Blocks, repeats: number): MetricNoise | null {
  const unit = metricNamed(metric)?.unit;
  if (unit === undefined || unusable(blocks) !== null) return null;
  const components = componentsOf(blocks);
  const difference = (starts: number) => differenceShown(components, starts, repeats);
  return {
    metric,
    unit,
    centre: Math.exp(mean(startLogs(blocks).flat())),
    components,
    detectable: ASKED_STARTS.map((starts) => ({ starts, difference: difference(starts) })),
    wanted: { difference: WANTED_DIFFERENCE, starts: startsFor(difference) },
  };
}

/**
 * The smallest difference of two rows that is found in 80 % of comparisons, as a share. It holds for a single
 * comparison; among many, a difference must be larger to be found (Holm).
 * @param starts of each row, each in a block of its own.
 * @param repeats of each start.
 */
export function differenceShown(components: Components, starts: number, repeats: number): Figure {
  const ratio = detectable(components, { starts, blocks: starts, repeats });
  return ratio.value === null ? ratio : { value: ratio.value - 1, reason: null };
}

function startsFor(difference: (starts: number) => Figure): Figure {
  for (let starts = 2; starts <= MOST_STARTS; starts++) {
    const { value, reason } = difference(starts);
    if (value === null) return { value, reason };
    if (value <= WANTED_DIFFERENCE) return { value: starts, reason: null };
  }
  return { value: null, reason: `more than ${MOST_STARTS} starts` };
}
