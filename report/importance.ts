import { NAME } from '../core/sweep/labels.js';
import { interactions, type MainEffects, mainEffects } from '../statistics/main-effects.js';
import type { AxisColumn } from './columns.js';
import { quotedValue } from './quoted.js';
import type { Row } from './rows.js';

/** Of the variance of a metric, what an axis explains by itself. */
interface AxisImportance {
  readonly axis: string;
  /** 0 to 1. */
  readonly share: number;
  /** What it would be on average if the axis did nothing. */
  readonly chance: number;
}

/** Of the variance, what two axes explain together beyond what each does by itself. */
interface PairImportance {
  readonly axes: readonly [string, string];
  readonly share: number;
  readonly chance: number;
}

/** Pairs that are worth a line, at most. */
const MOST_PAIRS = 3;

interface Importance {
  /** The most important one first; null where the rows are not enough. */
  readonly axes: readonly AxisImportance[] | null;
  /** What all axes explain together without their interactions; null as above. */
  readonly together: number | null;
  /** The strongest ones that explain more than chance. */
  readonly pairs: readonly PairImportance[];
  /** Valid rows with a number. */
  readonly rows: number;
}

/**
 * How much of a metric's variance over valid rows each axis explains (statistics/main-effects.ts). Of
 * positive numbers it is the variance of their logarithms, since settings make a thing so many times as fast,
 * and tables quote geometric means.
 */
export function importanceOf(axes: readonly AxisColumn[], rows: readonly Row[], metric: string): Importance {
  const counted = rows.flatMap((row) => {
    const value = row.state === 'valid' ? quotedValue(row, metric) : null;
    return value === null ? [] : [{ row, value }];
  });
  const positive = counted.every(({ value }) => value > 0);
  // An axis of the sweep may have one value among these rows.
  const factors = axes
    // An axis that only names the values of others explains nothing more.
    .filter(({ name }) => name !== NAME)
    .map(({ name }) => ({ name, levels: counted.map(({ row }) => row.axes[name] ?? null) }))
    .filter(({ levels }) => new Set(levels).size > 1);
  const values = counted.map(({ value }) => (positive ? Math.log(value) : value));
  const levels = factors.map((factor) => factor.levels);
  const effects: MainEffects | null = mainEffects(values, levels);
  if (effects === null) return { axes: null, together: null, pairs: [], rows: counted.length };
  const pairs = interactions(values, levels)
    .filter(({ share, chance }) => share > 2 * chance)
    .map(({ pair: [i, j], ...rest }) => ({ axes: [factors[i]!.name, factors[j]!.name] as const, ...rest }))
    .sort((a, b) => b.share - a.share)
    .slice(0, MOST_PAIRS);
  const shares = factors.map(({ name }, i) => ({
    axis: name,
    share: effects.shares[i] ?? 0,
    chance: effects.chance[i] ?? 0,
  }));
  const sorted = shares.sort((a, b) => b.share - a.share);
  return { axes: sorted, together: effects.together, pairs, rows: counted.length };
}
