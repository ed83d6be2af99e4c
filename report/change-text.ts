import { metricNamed } from '../core/metrics/catalogue.js';
import type { Change } from './compare.js';
import { metricScale, scaled } from './scale.js';

/** @returns change and interval as text: `× 1.143` and `1.102 to 1.186`, or `+0.21` and `+0.02 to +0.40`. */
export function movedText({ kind, metric, change, interval }: Change): [string, string] {
  if (change === null) return ['–', ''];
  if (kind === 'ratio') {
    return [
      `× ${change.toFixed(3)}`,
      interval === null ? '' : interval.map((v) => v.toFixed(3)).join(' to '),
    ];
  }
  const half = interval === null ? [] : [(interval[1] - interval[0]) / 2];
  const scale = metricScale(metric, [change], half);
  const signed = (value: number) => `${value > 0 ? '+' : ''}${scaled(value, scale)}`;
  // A share that falls from 80 % to 60 % falls by 20 points, not by 20 %.
  const unit = scale.unit === '' ? '' : ` ${scale.unit === '%' ? 'points' : scale.unit}`;
  return [`${signed(change)}${unit}`, interval === null ? '' : `${interval.map(signed).join(' to ')}${unit}`];
}

export const CHANGE_HEAD = [
  'experiment',
  'metric',
  'unit',
  'a',
  'b',
  'kind',
  'change',
  'low',
  'high',
  'verdict',
  'reason',
  'correction',
] as const;

/** @returns changes as lines of cells below that head: base units at full precision; missing is null. */
export function changeLines(changes: readonly Change[]): (string | number | null)[][] {
  return changes.map(({ label, metric, a, b, kind, change, interval, verdict, reason, correction }) => [
    label,
    metric,
    metricNamed(metric)?.unit ?? '',
    a,
    b,
    kind,
    change,
    interval?.[0] ?? null,
    interval?.[1] ?? null,
    verdict,
    reason,
    correction,
  ]);
}
