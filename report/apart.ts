import { WATCHED } from '../core/judgement/drift.js';
import { blocksOf, compareAcrossRuns, controlsOf } from '../core/judgement/trials.js';
import { metricNamed } from '../core/metrics/catalogue.js';
import type { ResultRecord } from '../core/result/result.js';
import { studentQuantile } from '../core/statistics/distributions.js';
import type { Interval } from '../core/statistics/interval.js';
import { startLogs, unusable } from '../core/statistics/nested.js';
import { type Shift, shiftOf, shiftsOf, type Witness } from '../core/statistics/shift.js';
import type { Report } from './report.js';
import type { Row } from './rows.js';

/**
 * Two runs that are compared. A machine moves between them, as it does between blocks: what both measured without changing it tells by
 * how much (docs/decisions/0050).
 */
export interface Apart {
  /** Runs of the drift control that count (`controlsOf`), where it is the same experiment in both; else none. */
  readonly controls: readonly [base: readonly ResultRecord[], candidate: readonly ResultRecord[]];
  /** What records say of build, host and settings that is not the same, `engine: llama.cpp v0.4.0, then v0.5.0`. */
  readonly differs: readonly string[];
  /** Ratios are corrected by what both runs measured: nothing differs, both have the control, and nobody asked for uncorrected ones. */
  readonly corrects: boolean;
}

/** Readings of a moment, not settings: they say nothing of what was changed. */
const READINGS: ReadonlySet<string> = new Set(['swappedPages', 'predictedMemoryBytes', 'deviceIrqs']);

/** What records of releases before do not have: where one side lacks it nothing is known, and that is no difference. */
const ADDED: ReadonlySet<string> = new Set(['engineBuild']);

/** How people are told of facts whose names do not say it. */
const SPOKEN: Readonly<Record<string, string>> = { engineBuild: 'build of the engine' };

/**
 * @param options.uncorrected leave ratios as they were measured.
 * @returns null where both are parts of the same run: what moves a block moves both then.
 */
export function runsApart(
  a: Report,
  b: Report,
  options: { readonly uncorrected?: boolean } = {},
): Apart | null {
  if (isSameRun(a, b)) return null;
  const [base, candidate] = [controlsOf(a.controls), controlsOf(b.controls)];
  const [first, second] = [base[0], candidate[0]];
  if (first === undefined || second === undefined || first.experimentId !== second.experimentId) {
    return { controls: [[], []], differs: [], corrects: false };
  }
  const differs = differencesOf(first, second);
  return {
    controls: [base, candidate],
    differs,
    corrects: differs.length === 0 && options.uncorrected !== true,
  };
}

/** Whether both are of the same trials, though each side may have chosen other rows of them. */
function isSameRun(a: Report, b: Report): boolean {
  const sweepOf = ({ rows, controls }: Report) => (rows[0]?.trial ?? controls[0])?.sweep.id;
  const trials = [a, b].map(({ rows, controls }) => [...rows.flatMap(({ starts }) => starts), ...controls]);
  const [known, others] = trials.map((all) => all.map(({ sweep, trialId }) => `${sweep.id} ${trialId}`));
  const shared = new Set(known);
  if (others!.some((trial) => shared.has(trial))) return true;
  return sweepOf(a) === sweepOf(b) && a.startedAt === b.startedAt && a.endedAt === b.endedAt;
}

function differencesOf(a: ResultRecord, b: ResultRecord): string[] {
  const facts = ({ environment, node, device }: ResultRecord): Record<string, unknown> => ({
    node: node.name,
    device: device.name,
    ...environment,
  });
  const [before, after] = [facts(a), facts(b)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => !READINGS.has(key) && (before[key] ?? null) !== (after[key] ?? null))
    .filter((key) => !ADDED.has(key) || (before[key] !== undefined && after[key] !== undefined))
    .map(
      (key) =>
        `${SPOKEN[key] ?? key}: ${String(before[key] ?? 'none')}, then ${String(after[key] ?? 'none')}`,
    );
}

/** A pair of rows, as far as it tells how its runs lie apart. */
interface RowPair {
  readonly a: Row;
  readonly b: Row;
}

/**
 * @returns how far the machine moved, for each pair, by what all others and the control read; null where it is not known, or nothing
 *   is to be corrected.
 */
export function shiftsBetween(
  apart: Apart | null,
  pairs: readonly RowPair[],
  metric: string,
): (Shift | null)[] {
  const control = apart?.corrects === true ? controlOf(apart, metric) : null;
  return control === null
    ? pairs.map(() => null)
    : shiftsOf(
        control,
        pairs.map((pair) => rowWitness(pair, metric)),
      );
}

/** How far the control alone moved between two runs; null where it is told from nothing by less than 95 %, or is not there. */
export function controlMoved(apart: Apart | null, metric: string): Shift | null {
  const control = apart === null ? null : controlOf(apart, metric);
  const shift = control === null ? null : shiftOf([control]);
  return shift !== null && Math.abs(shift.centre) > studentQuantile(0.975, shift.df) * shift.scale
    ? shift
    : null;
}

function controlOf({ controls: [base, candidate] }: Apart, metric: string): Witness | null {
  return witnessOf(base, candidate, metric);
}

/** Rows of the same experiment that ran alike: what was chosen apart, or got slower by another engine, tells nothing of the machine. */
function rowWitness({ a, b }: RowPair, metric: string): Witness | null {
  if (a.experimentId !== b.experimentId || a.state !== 'valid' || b.state !== 'valid') return null;
  return differencesOf(a.trial, b.trial).length > 0 ? null : witnessOf(a.starts, b.starts, metric);
}

function witnessOf(
  base: readonly ResultRecord[],
  candidate: readonly ResultRecord[],
  metric: string,
): Witness | null {
  const [a, b] = [blocksOf(base, metric), blocksOf(candidate, metric)];
  if (unusable(a) !== null || unusable(b) !== null) return null;
  return { base: startLogs(a).flat(), candidate: startLogs(b).flat() };
}

/** How far everything moved in one metric. */
export interface Correction {
  readonly metric: string;
  /** B over A of everything that both measured; what ratios were divided by, but for each row's own part in it. */
  readonly ratio: number;
  /** At 95 %. */
  readonly interval: Interval;
}

/** @returns what was divided out of ratios, metric by metric; none where nothing was. */
export function correctionsOf(
  apart: Apart | null,
  pairs: readonly RowPair[],
  metrics: readonly string[],
): Correction[] {
  if (apart?.corrects !== true) return [];
  return metrics.flatMap((metric) => {
    const control = controlOf(apart, metric);
    // A row that nothing is known of gets what all others tell: the whole.
    const shift =
      control === null
        ? null
        : shiftsOf(control, [...pairs.map((pair) => rowWitness(pair, metric)), null]).at(-1);
    if (shift == null) return [];
    const half = studentQuantile(0.975, shift.df) * shift.scale;
    const interval = [Math.exp(shift.centre - half), Math.exp(shift.centre + half)] as const;
    return [{ metric, ratio: Math.exp(shift.centre), interval }];
  });
}

/**
 * What is to be known of two runs beside their rows: by how much ratios were corrected, or else how the drift control of B ran
 * beside that of A. What changed it changed every row, be it the machine or the build.
 * @returns one sentence each.
 */
export function apartSentences(apart: Apart | null, corrections: readonly Correction[]): string[] {
  if (apart === null) return [];
  if (corrections.length > 0) {
    const told = corrections.filter(({ metric }) => NAMES.has(metric));
    const parts = (told.length > 0 ? told : corrections).map(
      ({ metric, ratio, interval }) => `${nameOf(metric)} ${ratioText(ratio, interval)}`,
    );
    return [
      `everything that both runs measured, the drift control included, ran ${parts.join(', ')} in B: build and host are the same by their records, so ratios are divided by that`,
    ];
  }
  const moved = WATCHED.flatMap(([metric, label]) => {
    const { verdict, ratio, interval } = compareAcrossRuns(...apart.controls, metric);
    if ((verdict !== 'faster' && verdict !== 'slower') || ratio === null || interval === null) return [];
    return [`${label} ${ratioText(ratio, interval)}`];
  });
  if (moved.length === 0) return [];
  const why = apart.differs.length === 0 ? '' : ` (${apart.differs.join('; ')})`;
  return [
    `the drift control itself ran ${moved.join(', ')} in B: that much is the machine, or what changed for every row${why}; A run again beside B tells which`,
  ];
}

const NAMES: ReadonlyMap<string, string> = new Map(WATCHED.map(([metric, label]) => [metric, label]));
const nameOf = (metric: string) => NAMES.get(metric) ?? metricNamed(metric)?.name ?? metric;

/** `× 0.906 [0.850, 0.965]` */
function ratioText(ratio: number, interval: Interval): string {
  const [low, high] = interval.map((end) => end.toFixed(3));
  return `× ${ratio.toFixed(3)} [${low}, ${high}]`;
}
