import { metricNamed } from '../core/metrics/catalogue.js';
import { ratioStyle, stepsOf } from '../core/metrics/format.js';
import type { Interval } from '../statistics/interval.js';

/**
 * One scale for a whole column or axis, so that its numbers line up and can be compared at a glance: the
 * prefix follows the median, the decimals follow the smallest value.
 */
export interface Scale {
  /** As it is printed: `ms`, `GB`, `t/s`; empty for a ratio. */
  readonly unit: string;
  /** What a base-unit value is divided by. */
  readonly divisor: number;
  readonly decimals: number;
}

/** @returns the scale that suits these values (base unit `unit`, e.g. seconds or bytes). */
export function scaleOf(unit: string, values: readonly number[]): Scale {
  return scaleOfSizes(unit, sizesOf(values));
}

/** @param sizes magnitudes that are not zero, the smallest first */
function scaleOfSizes(unit: string, sizes: readonly number[]): Scale {
  const middle = sizes[Math.floor(sizes.length / 2)] ?? 1;
  // Tokens per second are read in full in every tool of the field: 53190 t/s, not 53.2 k t/s.
  const steps = unit.startsWith('tokens/') ? stepsOf(unit).filter((s) => s.factor === 1) : stepsOf(unit);
  const step = steps.find(({ factor }) => middle >= factor) ?? steps.at(-1) ?? { factor: 1, text: '' };
  const largest = (sizes.at(-1) ?? 1) / step.factor;
  const smallest = Math.max((sizes[0] ?? 1) / step.factor, largest / 1000);
  // Three significant digits for the smallest; never more than three decimals.
  const decimals = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(smallest))));
  const whole = sizes.every((v) => Number.isInteger(v / step.factor));
  return { unit: step.text, divisor: step.factor, decimals: whole ? 0 : decimals };
}

/** @returns the magnitudes of values that are not zero, the smallest first. */
function sizesOf(values: readonly number[]): number[] {
  return values
    .filter((v) => Number.isFinite(v) && v !== 0)
    .map(Math.abs)
    .sort((a, b) => a - b);
}

/** A figure of quality is an estimate: its error says how many digits it has, two of the error's own. */
const MOST_DECIMALS = 6;

/**
 * @returns the scale for values of a metric: as scaleOf, but shares that are read as percentages or factors
 * are written so, and plain ratios and nats get as many decimals as their intervals can carry.
 * @param halves half widths of intervals, for values that have one.
 */
export function metricScale(name: string, values: readonly number[], halves: readonly number[] = []): Scale {
  return sortedScale(name, sizesOf(values), sizesOf(halves));
}

/**
 * metricScale of what is kept in order.
 * @param sizes magnitudes of the values that are not zero, the smallest first
 * @param halves half widths that are not zero, the smallest first
 */
export function sortedScale(name: string, sizes: readonly number[], halves: readonly number[]): Scale {
  const unit = metricNamed(name)?.unit ?? '';
  const style = ratioStyle(name);
  if (style === 'percent') {
    const scale = scaleOfSizes(
      '',
      sizes.map((v) => v * 100),
    );
    return { ...scale, unit: '%', divisor: 0.01, decimals: decimalsFor(halves, 0.01) ?? 1 };
  }
  const scale = style === 'times' ? { ...scaleOfSizes('', sizes), unit: '×' } : scaleOfSizes(unit, sizes);
  if (unit !== 'ratio' && unit !== 'nats') return scale;
  const middle = sizes[Math.floor(sizes.length / 2)] ?? 1;
  // A divergence of 0.0003 nats is not 0: three digits of the middle one, where no error says better.
  const digits = middle < 0.1 ? Math.ceil(-Math.log10(middle)) + 2 : scale.decimals;
  return { ...scale, decimals: decimalsFor(halves, 1) ?? Math.min(MOST_DECIMALS, digits) };
}

/** @returns decimals that show two digits of the middle half width; null without one. */
function decimalsFor(halves: readonly number[], divisor: number): number | null {
  const middle = halves[Math.floor(halves.length / 2)];
  if (middle === undefined) return null;
  return Math.min(MOST_DECIMALS, Math.max(0, 1 - Math.floor(Math.log10(middle / divisor))));
}

/** Sides of an interval that differ by less than this share of them are read as one. */
const SYMMETRIC = 0.1;
/**
 * An interval whose ends are further apart says that nothing is known but the order of magnitude, if that.
 */
const WIDE = 100;
const UNKNOWN = '× or ÷ 10 and more';

/**
 * @returns the ends of an interval as exports have them; none where it says nothing but the order of
 *   magnitude, if that.
 */
export const boundedEnds = (interval: Interval | null): Interval | null =>
  interval === null || isUnknown(interval) ? null : interval;

const isUnknown = ([low, high]: Interval) => low > 0 && high / low > WIDE;

/** Beyond this factor nothing is said of how far. */
export const FURTHEST = 10;
export const BEYOND = `× ${FURTHEST} and more`;

/**
 * @returns a value's interval as it stands behind the value: `± 38`, the longer side, where both are alike
 *   within a tenth; else its ends, `[1801, 1888]`; of one that spans orders of magnitude only that it does.
 */
export function intervalText(value: number, [low, high]: Interval, scale: Scale): string {
  const [below, above] = [value - low, high - value];
  const longer = Math.max(below, above);
  if (Math.abs(above - below) <= SYMMETRIC * longer) return `± ${scaled(longer, scale)}`;
  if (isUnknown([low, high])) return `[${UNKNOWN}]`;
  return `[${scaled(low, scale)}, ${scaled(high, scale)}]`;
}

/** @returns a value's interval where room is short: the longer side as a share of the value, `± 8 %`. */
export function intervalShare(value: number, [low, high]: Interval): string {
  if (isUnknown([low, high])) return `[${UNKNOWN}]`;
  const share = Math.max(value - low, high - value) / Math.abs(value);
  return `± ${share < 0.001 ? '<0.1' : Number((100 * share).toPrecision(share < 0.1 ? 1 : 2))} %`;
}

/** @returns whether the interval of a ratio says nothing but the order of magnitude, if that. */
export const spansOrders = ([low, high]: Interval): boolean => high > WIDE * low;

/** @returns the interval of a ratio, `1.102 to 1.186`; of one that spans orders of magnitude only that. */
export const ratioIntervalText = (interval: Interval): string =>
  spansOrders(interval) ? UNKNOWN : interval.map((end) => end.toFixed(3)).join(' to ');

/** @returns half the length of an interval, which says how many digits of a value mean something. */
export function halfOf(interval: Interval | null): number {
  return interval === null ? 0 : (interval[1] - interval[0]) / 2;
}

/** @returns a value of a metric with its interval and unit, by the digits that suit it: `36.30 ± 0.64`. */
export function metricText(name: string, value: number, interval: Interval | null = null): string {
  const scale = metricScale(name, [value], interval === null ? [] : [halfOf(interval)]);
  const spread = interval === null ? '' : ` ${intervalText(value, interval, scale)}`;
  return `${scaled(value, scale)}${spread} ${scale.unit}`.trim();
}

/** @returns a short form of a metric's value for the ticks of an axis: `97 %`, `1.5 k t/s`. */
export function metricTick(name: string, value: number): string {
  if (ratioStyle(name) === 'percent') return `${Number((value * 100).toPrecision(4))} %`;
  return tick(value, metricNamed(name)?.unit ?? '');
}

/** @returns the value in the column's unit, without the unit: `12.3`. */
export function scaled(value: number, scale: Scale): string {
  const number = value / scale.divisor;
  const shown = number.toFixed(scale.decimals);
  if (number === 0 || Number(shown) !== 0) return shown;
  // A value that is not zero never reads as zero: 0.3 in a column of whole numbers.
  return Math.abs(number) < 0.001 ? number.toExponential(1) : String(Number(number.toPrecision(1)));
}

/** @returns one value with its own best prefix and its unit: `12.3 ms`, `0.98`. */
export function quantity(value: number, unit: string): string {
  const scale = scaleOf(unit, [value]);
  return `${scaled(value, scale)} ${scale.unit}`.trim();
}

/** @returns a short form for the ticks of an axis: `1.5 k t/s`, `200 ms`, without trailing zeros. */
export function tick(value: number, unit: string): string {
  if (value === 0) return '0';
  const step = stepsOf(unit).find(({ factor }) => Math.abs(value) >= factor * 0.9999) ?? stepsOf(unit).at(-1);
  const shown = Number((value / (step?.factor ?? 1)).toPrecision(4)).toString();
  return `${shown} ${step?.text ?? ''}`.trim();
}
