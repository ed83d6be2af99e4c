/**
 * One scale for a whole column or axis, so that its numbers line up and can be compared at a glance: the
 * prefix follows the median, the decimals follow the smallest value.
 */
export interface Scale {
  /** As it is printed: `ms`, `GiB`, `t/s`; empty for a ratio. */
  readonly unit: string;
  /** What a base-unit value is divided by. */
  readonly divisor: number;
  readonly decimals: number;
}

type Step = readonly [divisor: number, unit: string];

const DECIMAL = (unit: string): Step[] => [
  [1e12, `T${unit}`],
  [1e9, `G${unit}`],
  [1e6, `M${unit}`],
  [1e3, `k${unit}`],
  [1, unit],
  [1e-3, `m${unit}`],
  [1e-6, `µ${unit}`],
  [1e-9, `n${unit}`],
];

/** Steps of each unit of the catalogue, largest first; a unit that is not here is printed as it is. */
const STEPS: Readonly<Record<string, readonly Step[]>> = {
  s: DECIMAL('s').slice(4),
  B: [
    [2 ** 40, 'TiB'],
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
    [1, 'B'],
  ],
  J: DECIMAL('J').slice(1),
  'J/token': DECIMAL('J/tok').slice(3),
  W: DECIMAL('W').slice(2),
  Hz: DECIMAL('Hz').slice(0, 5),
  'J*s': DECIMAL('J·s').slice(2),
  'tokens/s': [[1, 't/s']],
  'tokens/J': [[1, 'tok/J']],
  celsius: [[1, '°C']],
  ratio: [[1, '']],
};

/** @returns the scale that suits these values (base unit `unit`, e.g. seconds or bytes). */
export function scaleOf(unit: string, values: readonly number[]): Scale {
  const sizes = values
    .filter((v) => Number.isFinite(v) && v !== 0)
    .map(Math.abs)
    .sort((a, b) => a - b);
  const middle = sizes[Math.floor(sizes.length / 2)] ?? 1;
  const steps = STEPS[unit] ?? [[1, unit] as const];
  const step = steps.find(([divisor]) => middle >= divisor) ?? steps[steps.length - 1]!;
  const largest = (sizes[sizes.length - 1] ?? 1) / step[0];
  const smallest = Math.max((sizes[0] ?? 1) / step[0], largest / 1000);
  // Three significant digits for the smallest; never more than three decimals.
  const decimals = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(smallest))));
  const whole = values.every((v) => Number.isInteger(v / step[0]));
  return { unit: step[1], divisor: step[0], decimals: whole ? 0 : decimals };
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
  return `${scaled(value, scale)}${scale.unit === '' ? '' : ` ${scale.unit}`}`;
}

/** @returns a short form for axis labels: `1.5 k`, `200 ms`, without trailing zeros. */
export function tick(value: number, unit: string): string {
  if (value === 0) return '0';
  const steps = STEPS[unit]?.length === 1 ? DECIMAL('').slice(0, 5) : STEPS[unit];
  const step = (steps ?? [[1, unit] as const]).find(([divisor]) => Math.abs(value) >= divisor) ?? [1, ''];
  const shown = Number((value / step[0]).toPrecision(4)).toString();
  return step[1] === '' ? shown : `${shown} ${step[1]}`;
}
