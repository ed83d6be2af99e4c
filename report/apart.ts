import type { ResultRecord } from '../core/result/result.js';
import { WATCHED } from '../judgement/drift.js';
import { Estimates } from '../judgement/estimates.js';
import { controlsOf } from '../judgement/trials.js';
import { differenceOf, ratioInterval } from '../statistics/joint-compare.js';
import { quantileOfSorted, sorted } from '../statistics/quantile.js';
import { holm } from '../statistics/significance.js';
import type { Report } from './report.js';

/** Two runs that are compared, each a sitting of its own: a machine moves between them. */
export interface Apart {
  /**
   * Runs of the drift control that count (`controlsOf`), where it is the same experiment in both; else none.
   */
  readonly controls: readonly [base: readonly ResultRecord[], candidate: readonly ResultRecord[]];
  /**
   * What records say of build, host and settings that is not the same,
   * `engine: llama.cpp v0.4.0, then v0.5.0`.
   */
  readonly differs: readonly string[];
}

/** Readings of a moment, or chance, not settings: they say nothing of what was changed. */
const READINGS: ReadonlySet<string> = new Set([
  'swappedPages',
  'predictedMemoryBytes',
  'deviceIrqs',
  'artifactMadeOn',
]);

/** How people are told of facts whose names do not say it. */
const SPOKEN: Readonly<Record<string, string>> = { engineBuild: 'build of the engine' };

/** @returns null where both were measured in one sitting: what moves the machine moves both then. */
export function runsApart(a: Report, b: Report): Apart | null {
  if (isOneSitting(a, b)) return null;
  const [base, candidate] = [controlsOf(a.controls), controlsOf(b.controls)];
  const [first, second] = [base[0], candidate[0]];
  if (first === undefined || second === undefined || first.experimentId !== second.experimentId) {
    return { controls: [[], []], differs: [] };
  }
  return { controls: [base, candidate], differs: differencesOf(first, second) };
}

/**
 * Whether both sides were measured in one sitting: they share trials, are of one sweep at the same time, or
 * were measured in turns on one node. Each side may show other rows of the same trials.
 */
function isOneSitting(a: Report, b: Report): boolean {
  const sweepOf = ({ rows, controls }: Report) => (rows[0]?.trial ?? controls[0])?.sweep.id;
  const trials = [a, b].map(({ rows, controls }) => [...rows.flatMap(({ starts }) => starts), ...controls]);
  const [known, others] = trials.map((all) => all.map(({ sweep, trialId }) => `${sweep.id} ${trialId}`));
  const shared = new Set(known);
  if (others!.some((trial) => shared.has(trial))) return true;
  if (a.startedAt === null || b.startedAt === null) return false;
  if (sweepOf(a) === sweepOf(b)) return a.startedAt < b.endedAt! && b.startedAt < a.endedAt!;
  return areInTurns(trials[0]!, trials[1]!);
}

/**
 * Whether the middle half of each side's starts overlaps that of the other's. A run that was continued later
 * is not in turns with what ran then, and starts of one moment ran beside each other.
 */
function areInTurns(a: readonly ResultRecord[], b: readonly ResultRecord[]): boolean {
  if (new Set([...a, ...b].map(({ node }) => node.name)).size > 1) return false;
  const [first, second] = [a, b].map((trials) =>
    sorted(trials.map(({ startedAt }) => Date.parse(startedAt))),
  );
  const begun = new Set(first);
  if (second!.some((time) => begun.has(time))) return false;
  const [from, to] = [0.25, 0.75].map((p) => [first!, second!].map((times) => quantileOfSorted(times, p)));
  return from![0]! < to![1]! && from![1]! < to![0]!;
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
    .map(
      (key) =>
        `${SPOKEN[key] ?? key}: ${String(before[key] ?? 'none')}, then ${String(after[key] ?? 'none')}`,
    );
}

/**
 * How the drift control of B ran beside that of A: what changed it changed every row, be it the machine or
 * the build. Ratios are left as they are.
 * @returns one sentence; null where it did not change, or is not there.
 */
export function driftSentence(apart: Apart | null): string | null {
  if (apart === null || apart.controls[0].length === 0) return null;
  const estimates = new Estimates(apart.controls);
  const tested = WATCHED.flatMap(([metric, label]) => {
    const fit = estimates.fitOf(metric);
    const [a, b] = fit.rows;
    if (a == null || b == null) return [];
    return [{ label, difference: differenceOf(fit, [{ base: a, candidate: b }], { oneSitting: false }) }];
  });
  const adjusted = holm(tested.map(({ difference }) => difference.p));
  const moved = tested.flatMap(({ label, difference }, i) => {
    if (adjusted[i]! >= 0.05) return [];
    const [low, high] = ratioInterval(difference).map((end) => end.toFixed(3));
    return [`${label} × ${Math.exp(difference.logRatio).toFixed(3)} [${low}, ${high}]`];
  });
  if (moved.length === 0) return null;
  const why = apart.differs.length === 0 ? '' : ` (${apart.differs.join('; ')})`;
  return `the drift control itself ran ${moved.join(', ')} in B: that much is the machine, or what changed for every row${why}; A run again beside B tells which`;
}
