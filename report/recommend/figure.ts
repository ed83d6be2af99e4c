import { normalCdf, normalQuantile } from '../../statistics/distributions.js';
import type { Interval } from '../../statistics/interval.js';
import type { Quoted } from '../quoted.js';

/** What is known of a quantity of a candidate. */
export interface Figure {
  readonly value: number | null;
  /** 95 % interval; null where nothing is known of how far it may lie off. */
  readonly interval: Interval | null;
  /** Read off a file, or the same at every start: it has no error. */
  readonly exact: boolean;
  /** Why there is no value, or no interval; null where there are both. */
  readonly reason: string | null;
  /** Of a row: its number as measured and on a calm machine; left out = its number is as measured. */
  readonly adjusted?: Adjusted;
  /** Of a row whose number is as measured only: it has no value to recommend it by. */
  readonly asMeasured?: Quoted;
}

/** The other numbers of a row that neighbours' readings adjust. */
export interface Adjusted {
  readonly asMeasured: number;
  readonly calm: Pick<Figure, 'value' | 'interval'>;
}

export const absentFigure = (reason: string): Figure => ({
  value: null,
  interval: null,
  exact: false,
  reason,
});
export const exactFigure = (value: number): Figure => ({ value, interval: null, exact: true, reason: null });

const Z = normalQuantile(0.975);

/** A normal distribution with the interval of a figure, of logarithms where it lies above 0. */
interface Belief {
  readonly log: boolean;
  readonly centre: number;
  readonly sd: number;
}

/** @returns null where nothing is known of the error. */
function beliefOf({ value, interval, exact }: Figure, log: boolean): Belief | null {
  if (value === null || (interval === null && !exact)) return null;
  const onScale = (x: number) => (log ? Math.log(x) : x);
  const [low, high] = interval ?? [value, value];
  return { log, centre: onScale(value), sd: (onScale(high) - onScale(low)) / (2 * Z) };
}

const isPositive = ({ value, interval }: Figure) =>
  value !== null && value > 0 && (interval?.[0] ?? value) > 0;

/**
 * The chance that a figure lies on the right side of a limit, which may have an error of its own. Both are
 * taken as normal distributions with their 95 % intervals; of their logarithms if all of them are positive.
 * @param side `max`: at most the limit.
 * @returns null where one of the errors is not known.
 */
export function chanceOf(figure: Figure, limit: Figure, side: 'max' | 'min'): number | null {
  const log = isPositive(figure) && isPositive(limit);
  const [own, other] = [beliefOf(figure, log), beliefOf(limit, log)];
  if (own === null || other === null) return null;
  const distance = side === 'max' ? other.centre - own.centre : own.centre - other.centre;
  const sd = Math.hypot(own.sd, other.sd);
  if (sd === 0) return distance >= 0 ? 1 : 0;
  return normalCdf(distance / sd);
}

/**
 * @returns how far beyond the limit it lies, as a share of it (as a difference where it is 0); 0 = it keeps
 *   it.
 */
export function missOf(value: number, limit: number, side: 'max' | 'min'): number {
  const beyond = side === 'max' ? value - limit : limit - value;
  return Math.max(0, limit === 0 ? beyond : beyond / Math.abs(limit));
}

/**
 * @returns the ratio of two figures with its 95 % interval, as if their errors were independent; null where
 *   there is none.
 */
export function ratioOf(
  a: Figure,
  b: Figure,
): { readonly ratio: number; readonly interval: Interval | null } | null {
  if (a.value === null || b.value === null || !isPositive(a) || !isPositive(b)) return null;
  const ratio = a.value / b.value;
  const [own, other] = [beliefOf(a, true), beliefOf(b, true)];
  if (own === null || other === null) return { ratio, interval: null };
  const half = Z * Math.hypot(own.sd, other.sd);
  return { ratio, interval: [ratio * Math.exp(-half), ratio * Math.exp(half)] };
}
