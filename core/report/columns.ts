import { METRICS, type MetricBetter, metricNamed } from '../metrics/catalogue.js';
import type { AxisValue } from '../sweep/experiment.js';
import type { Objective } from '../sweep/spec.js';
import { metricOf, type Row } from './rows.js';
import { type Scale, scaleOf } from './scale.js';

/** An axis with more than one value among the rows: a column of every table. */
export interface AxisColumn {
  readonly name: string;
  /** Distinct values in the order they first appear. */
  readonly values: readonly AxisValue[];
  readonly numeric: boolean;
}

/** A metric that at least one row has a number for. */
export interface MetricColumn {
  readonly name: string;
  /** Without its unit, which is in `scale.unit`. */
  readonly label: string;
  /** Unit of the stored values. */
  readonly baseUnit: string;
  readonly better: MetricBetter;
  readonly help: string;
  readonly scale: Scale;
  /** In a table unless the reader chose other columns. */
  readonly shown: boolean;
  readonly objective: boolean;
}

/** @returns how an axis value is written in tables: `null` is the engine's own default. */
export function axisText(value: AxisValue | undefined): string {
  if (value === null || value === undefined) return 'default';
  return String(value);
}

/** @returns the axes that vary as columns, and the others with their one value for a caption. */
export function axisColumns(axes: readonly Readonly<Record<string, AxisValue>>[]): {
  varying: AxisColumn[];
  constant: { name: string; value: AxisValue }[];
} {
  const values = new Map<string, Set<AxisValue | undefined>>();
  for (const point of axes) {
    for (const name of Object.keys(point)) values.set(name, values.get(name) ?? new Set());
  }
  // An axis that only some rows have (another runner's option) varies too.
  for (const point of axes) for (const [name, seen] of values) seen.add(point[name]);
  const varying: AxisColumn[] = [];
  const constant: { name: string; value: AxisValue }[] = [];
  for (const [name, seen] of values) {
    const distinct = [...seen].map((v) => v ?? null);
    if (seen.size > 1) {
      varying.push({ name, values: distinct, numeric: distinct.every((v) => typeof v === 'number') });
    } else constant.push({ name, value: distinct[0] ?? null });
  }
  return { varying, constant };
}

/** @returns the metrics that have numbers: objectives first, then in the catalogue's order. */
export function metricColumns(rows: readonly Row[], objectives: readonly Objective[]): MetricColumn[] {
  const wanted = new Set(objectives.map((o) => o.metric));
  const known = METRICS.map((m) => m.name as string);
  const names = [...objectives.map((o) => o.metric), ...known.filter((name) => !wanted.has(name))];
  const columns: MetricColumn[] = [];
  for (const name of names) {
    const values = rows.map((row) => metricOf(row, name)).filter((v) => v !== null);
    const definition = metricNamed(name);
    if (values.length === 0 || definition === undefined) continue;
    const objective = wanted.has(name);
    columns.push({
      name,
      label: definition.column ?? words(name),
      baseUnit: definition.unit,
      better: objectives.find((o) => o.metric === name)?.better ?? definition.better,
      help: definition.help,
      scale: scaleOf(definition.unit, values),
      shown: objective || definition.column !== null,
      objective,
    });
  }
  return columns;
}

const UNIT_SUFFIX = /(Seconds|Bytes|Joules|Watts|Hertz|Celsius)$/;

/** @returns a metric's name as words, its unit cut off: `timePerOutputTokenSeconds` → `time per output token`. */
function words(name: string): string {
  const bare = name.replace(UNIT_SUFFIX, '').replace('interTokenLatency', 'ITL ');
  return bare
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(' ')
    .map((word) => (/^(ITL|P\d+)$/.test(word) ? word.replace(/^P/, 'p') : word.toLowerCase()))
    .join(' ');
}
