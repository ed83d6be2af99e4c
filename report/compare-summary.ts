import { groupBy } from '../core/maps.js';
import { METRICS } from '../core/metrics/catalogue.js';
import { gradingCodesOf, WARNINGS, type WarningCode } from '../core/result/warnings.js';
import { workloadNamed } from '../core/workloads/index.js';
import { WATCHED } from '../judgement/drift.js';
import { median } from '../statistics/quantile.js';
import { movedText, sizeText } from './change-text.js';
import { labelOf } from './columns.js';
import type { Change, Comparison, Pair } from './compare.js';
import type { Report } from './report.js';

/** Headings of metrics as tables have them. */
const LABELS: ReadonlyMap<string, string> = new Map(METRICS.map((metric) => [metric.name, labelOf(metric)]));

/** @returns what a metric is called in tables. */
export function metricLabel(metric: string): string {
  return LABELS.get(metric) ?? metric;
}

/**
 * @returns the metrics that say most of how a run went: how fast it was, and what the sweep is after. What is
 *   read off files is left out where no row changed in it.
 */
export function mainMetrics(
  { objectives }: Pick<Report, 'objectives'>,
  pairs: readonly Pair[],
  changes: readonly Change[],
): string[] {
  const kinds = new Set(pairs.map(({ b }) => b.experiment.workload.kind));
  const usual = [...kinds].flatMap((kind) => workloadNamed(kind)?.objectives ?? []);
  const wanted = (objectives.length > 0 ? objectives : usual).map(({ metric }) => metric as string);
  const speeds = WATCHED.map(([metric]) => metric as string);
  return [...new Set([...wanted, ...speeds])].filter((metric) => {
    const own = changes.filter((change) => change.metric === metric);
    const timed = own.some(({ interval, kind }) => interval !== null && kind === 'ratio');
    return timed || own.some(({ verdict }) => isFind(verdict));
  });
}

export const isFind = (verdict: Change['verdict']): boolean => verdict === 'worse' || verdict === 'better';

const ORDER: readonly Change['verdict'][] = ['worse', 'better', 'unclear', 'same', 'missing'];

/**
 * @returns the experiments, each with its changes in the order of the metrics: those with a find first, the
 *   furthest one before the others, and those without any answer last.
 */
export function byExperiment(changes: readonly Change[], metrics: readonly string[]): Change[][] {
  const asked = changes.filter(({ metric }) => metrics.includes(metric));
  const groups = groupBy(asked, ({ label }) => label);
  const placed = [...groups.values()].map((group) => {
    const ordered = metrics.flatMap((metric) => group.filter((change) => change.metric === metric));
    const place = Math.min(...group.map(({ verdict }) => ORDER.indexOf(verdict)));
    const found = group.filter(({ verdict, change }) => isFind(verdict) && change !== null);
    const far = Math.max(
      0,
      ...found.map(({ kind, change }) => (kind === 'ratio' ? Math.abs(Math.log(change!)) : 0)),
    );
    return { ordered, place, far };
  });
  return placed.sort((a, b) => a.place - b.place || b.far - a.far).map(({ ordered }) => ordered);
}

/**
 * What came of a comparison, in one sentence: what was found, and how large a difference would have been.
 * @param metrics those that are shown; the finds of others are counted behind.
 */
export function summary({ changes, overall }: Comparison, metrics: readonly string[]): string {
  const own = changes.filter(({ metric }) => metrics.includes(metric));
  const finds = (someChanges: readonly Change[]) =>
    (['worse', 'better'] as const).flatMap((verdict) =>
      [...new Set(someChanges.map(({ metric }) => metric))].flatMap((metric) => {
        const count = someChanges.filter((one) => one.metric === metric && one.verdict === verdict).length;
        return count === 0 ? [] : [`${count} ${verdict} in ${metricLabel(metric)}`];
      }),
    );
  const found = finds(own);
  const elsewhere = finds(changes.filter(({ metric }) => !metrics.includes(metric)));
  const together = overall
    .filter(({ metric, verdict }) => metrics.includes(metric) && isFind(verdict))
    .map(
      (change) =>
        `${change.label} ${change.verdict} in ${metricLabel(change.metric)}, ${movedText(change)[0]}`,
    );
  const parts = [
    ...together,
    found.length === 0
      ? `no difference found${together.length === 0 ? '' : ' in one alone'}`
      : found.join(', '),
    ...seenText(own, metrics),
    ...(elsewhere.length === 0 ? [] : [`besides ${elsewhere.join(', ')} (--all shows them)`]),
  ];
  return parts.join('; ');
}

/**
 * `one of more than 11 % in decode, 7 % in prefill would have been seen in half of the others`; of one
 * experiment without the half.
 */
function seenText(changes: readonly Change[], metrics: readonly string[]): string[] {
  let most = 0;
  const sizes = metrics.flatMap((metric) => {
    const open = changes.flatMap((change) =>
      change.metric === metric && change.verdict === 'unclear' && change.visible !== null
        ? [change.visible]
        : [],
    );
    most = Math.max(most, open.length);
    return open.length === 0 ? [] : [`${sizeText(median(open))} in ${metricLabel(metric)}`];
  });
  if (sizes.length === 0) return [];
  const others = changes.some(({ verdict }) => isFind(verdict)) ? 'a further one' : 'one';
  return [
    `${others} of more than ${sizes.join(', ')} would have been seen${most > 1 ? ' in half of them' : ''}`,
  ];
}

/**
 * Why experiments have no answer at all: each reason with how many have it, and the one that would give the
 * most of them back.
 * @returns no sentence where each has one.
 */
export function unansweredSentences(pairs: readonly Pair[]): string[] {
  const missing = pairs.map(reasonsOf).filter((reasons) => reasons.length > 0);
  if (missing.length === 0) return [];
  const reasons = [...new Set(missing.flat())].map((reason) => {
    const having = missing.filter((all) => all.includes(reason));
    return { reason, having: having.length, alone: having.filter(({ length }) => length === 1).length };
  });
  const [most] = reasons.sort((one, other) => other.alone - one.alone || other.having - one.having);
  const each = reasons.map(({ reason, having }) => `${reason} ${having}`).join(', ');
  const help = WARNINGS[most!.reason as WarningCode]?.help;
  const first = reasons.length > 1 ? `${most!.reason} first` : '';
  const what = [first, help].filter(Boolean).join(': ');
  const count = `${missing.length} ${missing.length === 1 ? 'experiment has' : 'experiments have'} no answer`;
  return [`${count}: ${each}${what === '' ? '' : ` (${what})`}`];
}

/** Codes of what voids either row of a pair, or of what it failed of. */
function reasonsOf({ a, b }: Pair): string[] {
  const codes = [a, b].flatMap((row): string[] => {
    if (row.state === 'valid') return [];
    const { failure } = row.trial;
    return failure === null ? gradingCodesOf(row.warnings) : [failure.code];
  });
  return [...new Set(codes)];
}
