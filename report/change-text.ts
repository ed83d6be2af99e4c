import { metricNamed } from '../core/metrics/catalogue.js';
import type { Change } from './compare.js';
import type { Columns } from './csv.js';
import { BEYOND, FURTHEST, metricScale, ratioIntervalText, scaled } from './scale.js';

/** @returns change and interval as text: `× 1.143` and `1.102 to 1.186`, or `+0.21` and `+0.02 to +0.40`. */
export function movedText({ kind, metric, change, interval }: Change): [string, string] {
  if (change === null) return ['–', ''];
  if (kind === 'ratio') {
    return [ratioText(change), interval === null ? '' : ratioIntervalText(interval)];
  }
  const half = interval === null ? [] : [(interval[1] - interval[0]) / 2];
  const scale = metricScale(metric, [change], half);
  const signed = (value: number) => `${value > 0 ? '+' : ''}${scaled(value, scale)}`;
  // A share that falls from 80 % to 60 % falls by 20 points, not by 20 %.
  const unit = scale.unit === '' ? '' : ` ${scale.unit === '%' ? 'points' : scale.unit}`;
  return [`${signed(change)}${unit}`, interval === null ? '' : `${interval.map(signed).join(' to ')}${unit}`];
}

const ratioText = (ratio: number) => `× ${ratio.toFixed(3)}`;

/** What a reader is told of an adjustment, as a ratio. */
const WORTH_SAYING = 1.1;
/** Nearer to 1 a ratio is on no side of it. */
const NO_SIDE = 0.01;

/**
 * @returns `× 1.049 as measured` where the adjustment by readings made more than a tenth of the ratio, or
 *   turned a rise into a fall; null elsewhere.
 */
export function asMeasuredText({ change, asMeasured, adjustedBy }: Change): string | null {
  if (change === null || asMeasured === null || adjustedBy === null) return null;
  const turned =
    change > 1 !== asMeasured > 1 && Math.max(Math.abs(change - 1), Math.abs(asMeasured - 1)) > NO_SIDE;
  const large = Math.max(adjustedBy, 1 / adjustedBy) > WORTH_SAYING;
  return turned || large ? `${ratioText(asMeasured)} as measured` : null;
}

/**
 * @returns a ratio above 1 as the difference that it is: `11 %`, `1.4 %`, from 100 % on `× 2.3`, and at most
 *   `× 10 and more`.
 */
export function sizeText(ratio: number): string {
  if (ratio > FURTHEST) return BEYOND;
  const share = (ratio - 1) * 100;
  if (share >= 100) return `× ${ratio.toFixed(1)}`;
  return `${share >= 9.95 ? Math.ceil(share) : (Math.ceil(share * 10) / 10).toFixed(1)} %`;
}

/** @returns the verdict for people; of a pair without one the difference that would have been found. */
export function verdictText({ verdict, visible, reason }: Change): string {
  if (verdict === 'missing') return reason ?? verdict;
  if (verdict !== 'unclear') return verdict;
  return visible === null ? (reason ?? verdict) : `would have seen ${sizeText(visible)}`;
}

/** @returns the same in two or three words: `A invalid`, `not in B`. */
export function briefVerdict(change: Change): string {
  const { verdict, states, a } = change;
  if (verdict !== 'missing') return verdictText(change);
  const bad = states.flatMap((state, i) => (state === 'valid' ? [] : [`${'AB'[i]} ${state}`]));
  return bad[0] ?? `not in ${a === null ? 'A' : 'B'}`;
}

/** Changes line by line: base units at full precision; missing is null. */
export const CHANGE_COLUMNS: Columns<Change> = {
  experiment: ({ label }) => label,
  metric: ({ metric }) => metric,
  unit: ({ metric }) => metricNamed(metric)?.unit ?? '',
  a: ({ a }) => a,
  b: ({ b }) => b,
  kind: ({ kind }) => kind,
  change: ({ change }) => change,
  low: ({ interval }) => interval?.[0] ?? null,
  high: ({ interval }) => interval?.[1] ?? null,
  verdict: ({ verdict }) => verdict,
  reason: ({ reason }) => reason,
  asMeasured: ({ asMeasured }) => asMeasured,
  adjustedBy: ({ adjustedBy }) => adjustedBy,
  p: ({ p }) => p,
  visible: ({ visible }) => visible,
};
