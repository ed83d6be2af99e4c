import { METRICS, type MetricBetter, type MetricDefinition, metricNamed } from '../metrics/catalogue.js';
import type { AxisValue } from '../sweep/experiment.js';
import type { Objective } from '../sweep/spec.js';
import { TECHNIQUES } from '../techniques/index.js';
import { type ColumnChoice, chosenMetrics, EFFICIENT_LLM, QUALITY } from './column-sets.js';
import { halfWidthOf, metricOf, type Row } from './rows.js';
import { metricScale, type Scale } from './scale.js';
import { shortWords } from './short-words.js';

/** An axis with more than one value among the rows: a column of every table. */
export interface AxisColumn {
  readonly name: string;
  /** Distinct values in the order they first appear. */
  readonly values: readonly AxisValue[];
  /** How tables write each value: long words of techniques are shortened, and stay different. */
  readonly texts: readonly string[];
  readonly numeric: boolean;
}

/** A metric that at least one row has a number for, or that the reader asked for by name. */
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

/** @returns the values of an axis as tables write them, in order. */
export function axisTexts(name: string, values: readonly AxisValue[]): string[] {
  const texts = values.map(axisText);
  return TECHNIQUES.some((technique) => technique.name === name) ? shortWords(texts) : texts;
}

/** @returns a value as its column writes it. */
export function cellText({ values, texts }: AxisColumn, value: AxisValue | undefined): string {
  return texts[values.indexOf(value ?? null)] ?? axisText(value);
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
      const numeric = distinct.every((v) => typeof v === 'number');
      varying.push({ name, values: distinct, texts: axisTexts(name, distinct), numeric });
    } else constant.push({ name, value: distinct[0] ?? null });
  }
  return { varying, constant };
}

/** @returns the names of the metrics that a choice shows, in its order, whether they were measured or not. */
export function shownMetrics(objectives: readonly Objective[], choice: ColumnChoice | null): Set<string> {
  // What a technique costs in quality is read beside its speed and size, before the finer points of timing.
  const usual = METRICS.filter((m) => m.column !== null).map((m) => m.name as string);
  const byDefault = [
    ...new Set(objectives.map((o) => o.metric)),
    ...usual.filter((name) => QUALITY.has(name)),
    ...usual,
  ];
  return chosenMetrics(choice ?? ['default'], byDefault);
}

/**
 * @param choice columns the reader asked for, in this order; null = objectives, then what the catalogue shows
 * @returns the metrics that have numbers and those of the choice: what is shown first, then in the catalogue's order.
 */
export function metricColumns(
  rows: readonly Row[],
  objectives: readonly Objective[],
  choice: ColumnChoice | null = null,
): MetricColumn[] {
  const wanted = new Set(objectives.map((o) => o.metric));
  const shown = shownMetrics(objectives, choice);
  const names = new Set([...shown, ...METRICS.map((m) => m.name as string)]);
  return [...names].flatMap((name): MetricColumn[] => {
    const definition = metricNamed(name);
    const values = rows.map((row) => metricOf(row, name)).filter((v) => v !== null);
    if (definition === undefined || (values.length === 0 && choice?.includes(name) !== true)) return [];
    const halves = rows.map((row) => halfWidthOf(row, name)).filter((v) => v !== null);
    return [
      {
        name,
        label: labelOf(definition),
        baseUnit: definition.unit,
        better: objectives.find((o) => o.metric === name)?.better ?? definition.better,
        help: definition.help,
        scale: metricScale(name, values, halves),
        shown: shown.has(name),
        objective: wanted.has(name),
      },
    ];
  });
}

/** Headings of metrics that are columns only when asked for, where their names are too long for one. */
const HEADINGS: Readonly<Record<string, string>> = {
  ...EFFICIENT_LLM,
  timePerOutputTokenSeconds: 'TPOT',
  kvCacheBytes: 'KV cache',
  bitsPerWeight: 'bits/weight',
  compressionRatio: 'compression',
  weightSparsityRatio: 'zeros',
  makeSeconds: 'making',
  perplexityRatio: 'PPL ratio',
  klDivergenceP99Nats: 'KLD p99',
  energyPerTotalTokenJoules: 'energy/token',
};

function labelOf({ name, column }: MetricDefinition): string {
  return column ?? HEADINGS[name] ?? words(name);
}

const UNIT_SUFFIX = /(Seconds|Bytes|Joules|Watts|Hertz|Celsius|Nats)$/;

/** @returns a metric's name as words, its unit cut off: `timePerOutputTokenSeconds` → `time per output token`. */
function words(name: string): string {
  const bare = name.replace(UNIT_SUFFIX, '').replace('interTokenLatency', 'ITL ');
  return bare
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(' ')
    .map((word) => (/^(ITL|P\d+)$/.test(word) ? word.replace(/^P/, 'p') : word.toLowerCase()))
    .join(' ');
}
