import type { MetricName } from '../../core/metrics/catalogue.js';
import { reasonOf, type StartsSpread, spreadOf } from '../quoted.js';
import type { Row } from '../rows.js';

/** A number under another tool's name: what that name means there, and how ours is made. */
export interface FieldMapping {
  /** As the other tool spells it. */
  readonly name: string;
  readonly unit: string;
  /** What it means, and where that differs from what the name suggests. */
  readonly meaning: string;
  mappedValue(row: Row): MappedValue;
}

/** A value, or why there is none. */
export type MappedValue =
  | { readonly value: number | string | null; readonly spread?: Spread }
  | { readonly value: null; readonly reason: string };

/** Over the repeats, in the word's unit. */
export interface Spread {
  readonly n: number;
  readonly std: number | null;
  readonly min: number;
  readonly max: number;
}

/** Words of one tool, and what is to be known of all of them. */
export interface ExportMapping {
  readonly tool: string;
  /** One sentence. */
  readonly about: string;
  readonly fields: readonly FieldMapping[];
}

/** A word that is one of our metrics, in another unit if need be. Means are quoted, as those tools do. */
export function fromMetric(
  name: string,
  unit: string,
  meaning: string,
  metric: MetricName,
  factor: (row: Row) => number | null = () => 1,
): FieldMapping {
  return { name, unit, meaning, mappedValue: (row) => ofMetric(row, metric, factor(row)) };
}

/** @returns the mean of a metric times a factor; without either, why not. */
export function ofMetric(row: Row, metric: MetricName, factor: number | null = 1): MappedValue {
  const spread = spreadOf(row, metric);
  if (spread === null) return { value: null, reason: reasonOf(row, metric) ?? 'not measured' };
  if (factor === null) return { value: null, reason: 'what it is multiplied by is not known' };
  return { value: spread.mean * factor, ...inUnit(spread, factor) };
}

function inUnit({ samples, stddev, n }: StartsSpread, factor: number): { spread?: Spread } {
  if (samples === null || samples.length === 0) return {};
  const scaled = samples.map((sample) => sample * factor);
  return {
    spread: {
      n,
      std: stddev === null ? null : stddev * Math.abs(factor),
      min: Math.min(...scaled),
      max: Math.max(...scaled),
    },
  };
}
