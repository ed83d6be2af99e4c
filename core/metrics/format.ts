import { metricNamed, type Unit } from './catalogue.js';

/** Shown where there is no number. */
export const NO_VALUE = '–';

interface UnitStyle {
  /** Written after the SI prefix: `t/s` → `1.23 k t/s`, `B` → `16.9 MB`. */
  readonly symbol: string;
  /** Prefixes that people use with it. */
  readonly prefixes: 'none' | 'small' | 'large' | 'both';
  /** A space between prefix and symbol, for symbols that are not SI units. */
  readonly spaced: boolean;
}

const style = (symbol: string, prefixes: UnitStyle['prefixes'], spaced = false): UnitStyle => ({
  symbol,
  prefixes,
  spaced,
});

const STYLES: Record<Unit, UnitStyle> = {
  'tokens/s': style('t/s', 'large', true),
  s: style('s', 'small'),
  B: style('B', 'large'),
  J: style('J', 'both'),
  'J/token': style('J/token', 'small'),
  W: style('W', 'both'),
  Hz: style('Hz', 'large'),
  celsius: style('°C', 'none'),
  ratio: style('', 'none'),
  cores: style('cores', 'none'),
  'tokens/J': style('t/J', 'large', true),
  'J*s': style('J·s', 'small'),
  nats: style('nats', 'none'),
  parameters: style('', 'large'),
  '1/s': style('/s', 'small', true),
  'B/s': style('B/s', 'large'),
  'FLOP/s': style('FLOP/s', 'large'),
  g: style('g', 'both'),
  'g/token': style('g/token', 'small'),
};

/** @returns how a ratio is read, or null for other metrics and plain ratios. */
export function ratioStyle(name: string): 'percent' | 'times' | null {
  const style = metricNamed(name)?.ratioStyle ?? null;
  return style === 'plain' ? null : style;
}

const PREFIXES = [
  { factor: 1e12, prefix: 'T' },
  { factor: 1e9, prefix: 'G' },
  { factor: 1e6, prefix: 'M' },
  { factor: 1e3, prefix: 'k' },
  { factor: 1, prefix: '' },
  { factor: 1e-3, prefix: 'm' },
  { factor: 1e-6, prefix: 'µ' },
  { factor: 1e-9, prefix: 'n' },
] as const;

/** A number with so many significant digits and never an exponent: 0.0123, 1.20, 123, 1234. */
function significant(value: number, digits: number): string {
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))));
  return value.toFixed(Math.min(100, Math.max(0, digits - 1 - magnitude)));
}

/** One way to write a unit: `MB` for the factor 1e6. */
export interface UnitStep {
  readonly factor: number;
  readonly text: string;
}

/**
 * @returns the prefixes that people use with a unit, largest first; a unit that is not ours stands as it is.
 */
export function stepsOf(unit: string): UnitStep[] {
  if (!(unit in STYLES)) return [{ factor: 1, text: unit }];
  const { symbol, prefixes, spaced } = STYLES[unit as Unit];
  return PREFIXES.filter(
    ({ factor }) =>
      factor === 1 ||
      (factor > 1 && (prefixes === 'large' || prefixes === 'both')) ||
      (factor < 1 && (prefixes === 'small' || prefixes === 'both')),
  ).map(({ factor, prefix }) => {
    return { factor, text: [prefix, symbol].filter((part) => part !== '').join(spaced ? ' ' : '') };
  });
}

/**
 * A number for people: SI prefix (decimal, also for bytes) and significant digits.
 * @example formatValue(1234, 'tokens/s') → '1.23 k t/s'; formatValue(16.9e6, 'B') → '16.9 MB';
 * formatValue(null, 's') → '–'
 */
export function formatValue(value: number | null, unit: Unit, digits = 3): string {
  if (value === null || !Number.isFinite(value)) return NO_VALUE;
  const rounded = Math.abs(Number(value.toPrecision(digits)));
  const allowed = stepsOf(unit);
  const whole = allowed.find((p) => p.factor === 1) ?? { factor: 1, text: '' };
  const scale = rounded === 0 ? whole : (allowed.find((p) => rounded >= p.factor) ?? allowed.at(-1) ?? whole);
  const number = significant(value / scale.factor, digits);
  return scale.text === '' ? number : `${number} ${scale.text}`;
}

/** `12.3 %`; a share of 1 is 100 %. */
export function formatPercent(ratio: number | null): string {
  return ratio === null || !Number.isFinite(ratio) ? NO_VALUE : `${(ratio * 100).toFixed(1)} %`;
}
