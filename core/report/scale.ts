import { stepsOf } from '../metrics/format.js';

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
  const sizes = values
    .filter((v) => Number.isFinite(v) && v !== 0)
    .map(Math.abs)
    .sort((a, b) => a - b);
  const middle = sizes[Math.floor(sizes.length / 2)] ?? 1;
  // Tokens per second are read in full in every tool of the field: 53190 t/s, not 53.2 k t/s.
  const steps = unit.startsWith('tokens/') ? stepsOf(unit).filter((s) => s.factor === 1) : stepsOf(unit);
  const step = steps.find(({ factor }) => middle >= factor) ?? steps.at(-1) ?? { factor: 1, text: '' };
  const largest = (sizes.at(-1) ?? 1) / step.factor;
  const smallest = Math.max((sizes[0] ?? 1) / step.factor, largest / 1000);
  // Three significant digits for the smallest; never more than three decimals.
  const decimals = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(smallest))));
  const whole = values.every((v) => Number.isInteger(v / step.factor));
  return { unit: step.text, divisor: step.factor, decimals: whole ? 0 : decimals };
}

/** @returns the value in the column's unit, without the unit: `12.3`. */
export function scaled(value: number, scale: Scale): string {
  const shown = (value / scale.divisor).toFixed(scale.decimals);
  // A value that is not zero never reads as zero.
  if (value !== 0 && Number(shown) === 0) return (value / scale.divisor).toExponential(1);
  return shown;
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
