import { groupBy } from '../../core/maps.js';
import type { Analysis, PhaseAnalysis, RoofLines } from './analysis.js';
import type { AnalysisPoint, PointField } from './point.js';
import type { PredictionSource } from './prediction.js';

/** The content of a chart, independent of how it is drawn. */
export type ChartData = RooflineChart | SweepChart;

/** Operators under their ceilings, both axes logarithmic. */
export interface RooflineChart {
  readonly kind: 'roofline';
  readonly title: string;
  readonly roof: RoofLines;
  readonly groups: readonly { readonly name: string; readonly operators: readonly ChartOperator[] }[];
  /** What measured operators reach at best; null where none are asked. */
  readonly reachable: PredictionSource['reachable'] | null;
}

export interface ChartOperator {
  readonly name: string;
  /** FLOP per byte. */
  readonly intensity: number;
  readonly flopsPerSecond: number;
  /** Of the time of its phase. */
  readonly share: number;
}

/** A number over one field, with a line for each combination of the other fields. */
export interface SweepChart {
  readonly kind: 'sweep';
  readonly title: string;
  readonly x: {
    readonly name: string;
    readonly values: readonly (string | number)[];
    readonly numeric: boolean;
    /** Even steps however far numbers lie apart, such as times; left out = as their range asks for. */
    readonly linear?: true;
  };
  readonly y: {
    readonly name: string;
    readonly unit: 'tokens/s' | 's' | 'B' | 'ratio' | 'share' | 'requests';
  };
  readonly lines: readonly ChartLine[];
}

/** A number at each value of the x axis; null = there is none. */
export interface ChartLine {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Shaded between both ends; left out = a line alone. */
  readonly band?: {
    /** null = there is no band. */
    readonly low: readonly (number | null)[];
    /** null above a low end = it has no end. */
    readonly high: readonly (number | null)[];
  };
}

/** @returns the operators of both phases that have both FLOPs and memory traffic. */
export function rooflineChart(analysis: Analysis): RooflineChart {
  const { point, prefill, decode, prediction, roof } = analysis;
  const group = (name: string, { rows }: PhaseAnalysis) => ({
    name,
    operators: rows.flatMap(({ name: operator, intensity, flopsPerSecond, share }): ChartOperator[] =>
      intensity === null || intensity === 0 || flopsPerSecond === null
        ? []
        : [{ name: operator, intensity, flopsPerSecond, share }],
    ),
  });
  return {
    kind: 'roofline',
    title: `${point.model} on ${roof.name}, batch ${point.batch}, context ${point.context} (${point.mode})`,
    roof,
    groups: [
      group('prefill', prefill),
      group('decode', decode),
      ...predictedGroup('prefill', prefill),
      ...predictedGroup('decode', decode),
    ],
    reachable: prediction === null ? null : prediction.reachable,
  };
}

/** The same operators in the time that is predicted, which lies below the roof; none where nothing is. */
function predictedGroup(name: string, { rows }: PhaseAnalysis): RooflineChart['groups'] {
  const operators = rows.flatMap(({ name: operator, intensity, flops, share, predicted }): ChartOperator[] =>
    intensity === null || intensity === 0 || predicted === null || flops === 0
      ? []
      : [{ name: operator, intensity, flopsPerSecond: flops / predicted.seconds, share }],
  );
  return operators.length === 0 ? [] : [{ name: `${name}, predicted`, operators }];
}

/** What is drawn over what, where there is a choice. */
const X_FIELDS: readonly PointField[] = [
  'batch',
  'context',
  'promptTokens',
  'tokensPerStep',
  'draftTokens',
  'acceptance',
  'tensorParallel',
  'pipelineParallel',
  'expertParallel',
  'microBatches',
  'offload',
  'decodes',
  'adapters',
  'adapterRank',
  'distinctExperts',
  'sparsity',
  'kvCacheTypeK',
  'kvCacheTypeV',
  'attention',
  'generateTokens',
  'bits',
  'hardware',
  'model',
  'flashAttention',
  'engine',
  'mode',
  'draft',
];

export type SweepMeasure = 'tokens' | 'time' | 'memory';

interface Measured {
  readonly name: string;
  readonly unit: SweepChart['y']['unit'];
  /** The lines of each combination: the suffix of their name, and their value at a point. */
  readonly lines: readonly (readonly [string, (analysis: Analysis) => number])[];
}

const MEASURES: Readonly<Record<SweepMeasure, Measured>> = {
  tokens: {
    name: 'decode',
    unit: 'tokens/s',
    lines: [['', ({ decode, speculative }) => speculative?.tokensPerSecond ?? decode.tokensPerSecond]],
  },
  time: {
    name: 'least time',
    unit: 's',
    lines: [
      ['prefill', ({ prefill }) => prefill.seconds],
      ['decode step', ({ decode }) => decode.seconds],
    ],
  },
  memory: { name: 'memory', unit: 'B', lines: [['', ({ memory }) => memory.bytes]] },
};

/** @returns a chart of a number over the most useful of the fields that vary; null if none varies. */
export function sweepChart(
  analyses: readonly Analysis[],
  varying: readonly PointField[],
  measure: SweepMeasure,
): SweepChart | null {
  const x = X_FIELDS.find((field) => varying.includes(field));
  if (x === undefined) return null;
  const { name, unit, lines } = MEASURES[measure];
  const values = [...new Set(analyses.map(({ point }) => textOrNumber(point[x])))];
  const numeric = values.every((value) => typeof value === 'number');
  if (numeric) values.sort((a, b) => Number(a) - Number(b));
  const others = varying.filter((field) => field !== x);
  const byLabel = groupBy(analyses, ({ point }) => others.map((field) => labelOf(field, point)).join(', '));
  return {
    kind: 'sweep',
    title: `${name} over ${x}`,
    x: { name: x, values, numeric },
    y: { name, unit },
    lines: [...byLabel].flatMap(([label, own]) =>
      lines.map(([suffix, measured]) => ({
        name: [label, suffix].filter((part) => part !== '').join(' ') || name,
        values: values.map((value) => {
          const analysis = own.findLast(({ point }) => textOrNumber(point[x]) === value);
          return analysis === undefined ? null : measured(analysis);
        }),
      })),
    ),
  };
}

function labelOf(field: PointField, point: AnalysisPoint): string {
  const value = point[field];
  return typeof value === 'string' ? value : `${field} ${value}`;
}

const textOrNumber = (value: AnalysisPoint[PointField]) =>
  typeof value === 'number' ? value : value === null ? 'all' : String(value);
