import { METRICS, metricNamed } from '../core/metrics/catalogue.js';
import { isPaced } from '../judgement/pace.js';
import { predictionSource } from './prediction-source.js';
import { calmName, quotedOf, quotedValue } from './quoted.js';
import type { Report } from './report.js';
import type { Row } from './rows.js';
import { boundedEnds } from './scale.js';

type Cell = string | number | boolean | null;

/** A column of exports that have one line for each row, in the order of the CSV. */
export interface RowColumn {
  readonly name: string;
  readonly kind: 'text' | 'integer' | 'number' | 'flag' | 'time';
  readonly cellOf: (row: Row) => Cell;
}

const BEFORE: readonly RowColumn[] = [
  { name: 'number', kind: 'integer', cellOf: (row) => row.number },
  { name: 'experimentId', kind: 'text', cellOf: (row) => row.experimentId },
  { name: 'state', kind: 'text', cellOf: (row) => row.state },
  { name: 'grade', kind: 'text', cellOf: (row) => row.grade },
  { name: 'onParetoFront', kind: 'flag', cellOf: (row) => row.onFront },
  { name: 'notOnFrontBecause', kind: 'text', cellOf: (row) => row.offFront },
];

const BEHIND: readonly RowColumn[] = [
  { name: 'nodeName', kind: 'text', cellOf: ({ trial }) => trial.node.name },
  { name: 'deviceName', kind: 'text', cellOf: ({ trial }) => trial.device.name },
  { name: 'trialId', kind: 'text', cellOf: ({ trial }) => trial.trialId },
  { name: 'startedAt', kind: 'time', cellOf: ({ trial }) => trial.startedAt },
  {
    name: 'starts',
    kind: 'integer',
    cellOf: ({ state, starts }) => (state === 'failed' ? 0 : starts.length),
  },
  { name: 'repeats', kind: 'integer', cellOf: ({ trial }) => trial.repeats.count },
  { name: 'predictedBy', kind: 'text', cellOf: ({ trial }) => predictionSource(trial) },
  { name: 'warnings', kind: 'text', cellOf: ({ warnings }) => warnings.map((w) => w.code).join(' ') },
  { name: 'failure', kind: 'text', cellOf: ({ trial }) => trial.failure?.code ?? null },
];

/**
 * @returns what exports have of a metric: its number with the ends of its 95 % interval, in the unit that its
 *   name ends in; of one that neighbours' readings adjust also what was measured, the factor, and the number
 *   of a calm machine.
 */
export const columnsOfMetric = (name: string): readonly RowColumn[] => [
  { name, kind: 'number', cellOf: (row) => quotedValue(row, name) },
  { name: `${name}Ci95Low`, kind: 'number', cellOf: (row) => endsOf(row, name)?.[0] ?? null },
  { name: `${name}Ci95High`, kind: 'number', cellOf: (row) => endsOf(row, name)?.[1] ?? null },
  ...(isPaced(name) ? adjustmentColumns(name) : []),
];

const endsOf = (row: Row, name: string) => boundedEnds(quotedOf(row, name)?.interval ?? null);

/** Of every metric of the catalogue. */
export const METRIC_COLUMNS: readonly RowColumn[] = METRICS.flatMap(({ name }) => columnsOfMetric(name));

function adjustmentColumns(name: string): RowColumn[] {
  const calm = calmName(name);
  return [
    { name: `${name}AsMeasured`, kind: 'number', cellOf: (row) => quotedOf(row, name)?.asMeasured ?? null },
    { name: `${name}AdjustedBy`, kind: 'number', cellOf: (row) => quotedOf(row, name)?.adjustedBy ?? null },
    { name: calm, kind: 'number', cellOf: (row) => quotedValue(row, calm) },
    { name: `${calm}Ci95Low`, kind: 'number', cellOf: (row) => endsOf(row, calm)?.[0] ?? null },
    { name: `${calm}Ci95High`, kind: 'number', cellOf: (row) => endsOf(row, calm)?.[1] ?? null },
  ];
}

/** @returns what a row is, before its metrics: its state, every axis of the report, where and when it ran. */
export function rowColumns(report: Report): readonly RowColumn[] {
  return [...BEFORE, ...axisColumns(report), ...BEHIND];
}

/**
 * @returns every axis of the report, in the order in which experiments name them. What is asked for and
 *   measured by one name stands apart.
 */
export function axisColumns({ rows }: Report): readonly RowColumn[] {
  const kinds = new Map<string, Set<string>>();
  for (const { axes } of rows) {
    for (const [name, value] of Object.entries(axes)) {
      const known = kinds.get(name) ?? new Set();
      if (value !== null) known.add(typeof value);
      kinds.set(name, known);
    }
  }
  return [...kinds].map(([name, known]) => ({
    name: metricNamed(name) === undefined ? name : `${name}Axis`,
    kind: kindOf(known),
    cellOf: (row) => row.axes[name] ?? null,
  }));
}

/** An axis with words beside numbers (`all`, 4) is text. */
function kindOf(types: ReadonlySet<string>): RowColumn['kind'] {
  const [type, ...others] = types;
  if (others.length > 0) return 'text';
  return type === 'number' ? 'number' : type === 'boolean' ? 'flag' : 'text';
}
