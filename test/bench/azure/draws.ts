import type { Draw } from '../statistics/draw.js';
import type { Place, Series } from './data.js';

/** What one row was measured to be on both sides: a value for each start. */
export interface Drawn {
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** How the starts of two sides lie on machines and in time. Nothing has changed between the sides. */
export interface Design {
  readonly name: string;
  /** As `ridge compare` is told: whether both sides were measured in turns. */
  readonly oneSitting: boolean;
  /** False where A has another machine than B: what differs then is real, though no build made it. */
  readonly claims: boolean;
  /** @returns rows of one place, each benchmark's own; null where this moment has too few starts. */
  readonly draw: (place: Place, starts: number, draw: Draw) => readonly Drawn[] | null;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/**
 * Starts that follow each other by more than this are not of one stretch: there the collection had stopped.
 */
const LONGEST_GAP = DAY;

const indexOf = (draw: Draw, count: number) => Math.min(count - 1, Math.floor(draw.uniform() * count));
const oneOf = <T>(draw: Draw, all: readonly T[]): T => all[indexOf(draw, all.length)]!;

/** @returns the first `count` starts from a time on; null where they do not follow each other. */
function startsFrom({ at, values }: Series, from: number, count: number): readonly number[] | null {
  let [low, high] = [0, at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle]! < from) low = middle + 1;
    else high = middle;
  }
  if (low + count > at.length || at[low]! - from > LONGEST_GAP) return null;
  for (let i = low + 1; i < low + count; i += 1) if (at[i]! - at[i - 1]! > LONGEST_GAP) return null;
  return [...values.subarray(low, low + count)];
}

function momentIn({ at }: Series, draw: Draw): number {
  return at[indexOf(draw, at.length)]!;
}

/** Every two that follow each other are one of A and one of B, in random order: as `--again` measures. */
function inTurns(values: readonly number[], draw: Draw): Drawn {
  const [a, b]: [number[], number[]] = [[], []];
  for (let i = 0; i + 1 < values.length; i += 2) {
    const [first, second] = draw.uniform() < 0.5 ? [a, b] : [b, a];
    first.push(values[i]!);
    second.push(values[i + 1]!);
  }
  return { a, b };
}

function rowsInTurns(series: readonly Series[], starts: number, draw: Draw): readonly Drawn[] | null {
  const from = momentIn(series[0]!, draw);
  const rows = series.map((one) => startsFrom(one, from, 2 * starts));
  return rows.every((row) => row !== null) ? rows.map((row) => inTurns(row, draw)) : null;
}

/** A's starts from one time, B's from another. */
function rowsFrom(
  [seriesA, seriesB]: readonly [readonly Series[], readonly Series[]],
  [fromA, fromB]: readonly [number, number],
  starts: number,
): readonly Drawn[] | null {
  const rows = seriesA.map((one, i) => [
    startsFrom(one, fromA, starts),
    startsFrom(seriesB[i]!, fromB, starts),
  ]);
  return rows.every(([a, b]) => a !== null && b !== null) ? rows.map(([a, b]) => ({ a: a!, b: b! })) : null;
}

export const DESIGNS: readonly Design[] = [
  {
    name: 'one machine, in turns',
    oneSitting: true,
    claims: true,
    draw: ({ staying }, starts, draw) => rowsInTurns(oneOf(draw, staying), starts, draw),
  },
  {
    name: 'a fresh machine for each start, in turns',
    oneSitting: true,
    claims: true,
    draw: ({ fresh }, starts, draw) => rowsInTurns(fresh, starts, draw),
  },
  {
    name: 'one machine, one to seven days apart',
    oneSitting: false,
    claims: true,
    draw: ({ staying }, starts, draw) => {
      const series = oneOf(draw, staying);
      const from = momentIn(series[0]!, draw);
      // A start takes two hours: B begins at least a day after A has ended.
      const apart = DAY * (1 + 6 * draw.uniform()) + starts * 3 * HOUR;
      return rowsFrom([series, series], [from, from + apart], starts);
    },
  },
  {
    name: 'a machine for each side, at one time',
    oneSitting: false,
    claims: false,
    draw: ({ staying }, starts, draw) => {
      const a = oneOf(draw, staying);
      const b = oneOf(
        draw,
        staying.filter((other) => other !== a),
      );
      const from = momentIn(a[0]!, draw);
      return rowsFrom([a, b], [from, from], starts);
    },
  },
];
