import { incompleteBeta } from './distributions.js';
import type { StudentPart } from './mixture.js';
import { mean, moments } from './summary.js';

/** What one thing that nothing changed read in two runs: logarithms of what its starts say, at least one a run. */
export interface Witness {
  readonly base: readonly number[];
  readonly candidate: readonly number[];
}

/** How far everything moved from one run to the other, as a logarithm, with Student's distribution of its error. */
export type Shift = Omit<StudentPart, 'share'>;

/** Chance that rows which moved alike are taken to have moved apart; the furthest is left out then, which costs little. */
const DISAGREE = 0.05;

/**
 * How far everything moved between two runs: logarithm = thing + run, fitted by least squares, its error from what the fit leaves
 * (Scheffé, "The Analysis of Variance", 1959, ch. 4: two-way, without interaction).
 * @returns null where no start is left to judge by.
 */
export function shiftOf(witnesses: readonly Witness[]): Shift | null {
  return fitted(witnesses.map(sumsOf).reduce(plus, NONE));
}

/**
 * What all that two runs measured tells each row of how the machine moved: the control and every row but itself, for a row must not
 * explain its own change. Rows that moved apart by more than their starts explain changed by themselves and are left out; where these
 * are more than half, who moved and who stayed cannot be told, and the control alone speaks.
 * @param rows null where a row cannot be a witness; it has a shift all the same.
 * @returns one shift for each row.
 */
export function shiftsOf(control: Witness, rows: readonly (Witness | null)[]): (Shift | null)[] {
  const own = rows.map((row) => (row === null ? null : sumsOf(row)));
  const alone = sumsOf(control);
  const kept = agreeing(
    alone,
    own.filter((sums) => sums !== null),
  );
  const all = [...kept].reduce(plus, alone);
  return own.map((sums) => fitted(sums !== null && kept.has(sums) ? plus(all, times(sums, -1)) : all));
}

/** Those of the rows that tell the same as the rest and the control: the furthest goes until they do. */
function agreeing(control: Sums, rows: readonly Sums[]): ReadonlySet<Sums> {
  const kept = new Set(rows);
  let all = rows.reduce(plus, control);
  while (!agree(all)) {
    if (2 * (kept.size - 1) < rows.length) return new Set();
    const furthest = [...kept].reduce((worst, row) => (gain(all, row) > gain(all, worst) ? row : worst));
    kept.delete(furthest);
    all = plus(all, times(furthest, -1));
  }
  return kept;
}

/** How much less the rest lies apart without a row. */
const gain = (all: Sums, row: Sums) => -apart(plus(all, times(row, -1)));

/** Sums over witnesses: of weights, weighted differences and their squares, squares and degrees of freedom within runs. */
interface Sums {
  readonly witnesses: number;
  readonly weight: number;
  readonly moved: number;
  readonly movedSquared: number;
  readonly squares: number;
  readonly df: number;
}

const NONE: Sums = { witnesses: 0, weight: 0, moved: 0, movedSquared: 0, squares: 0, df: 0 };

function sumsOf({ base, candidate }: Witness): Sums {
  const weight = 1 / (1 / base.length + 1 / candidate.length);
  const moved = mean(candidate) - mean(base);
  return {
    witnesses: 1,
    weight,
    moved: weight * moved,
    movedSquared: weight * moved ** 2,
    squares: moments(base).squares + moments(candidate).squares,
    df: base.length + candidate.length - 2,
  };
}

const times = (sums: Sums, factor: number): Sums => ({
  witnesses: factor * sums.witnesses,
  weight: factor * sums.weight,
  moved: factor * sums.moved,
  movedSquared: factor * sums.movedSquared,
  squares: factor * sums.squares,
  df: factor * sums.df,
});

const plus = (a: Sums, b: Sums): Sums => ({
  witnesses: a.witnesses + b.witnesses,
  weight: a.weight + b.weight,
  moved: a.moved + b.moved,
  movedSquared: a.movedSquared + b.movedSquared,
  squares: a.squares + b.squares,
  df: a.df + b.df,
});

/** Squares by which witnesses moved apart. */
const apart = ({ weight, moved, movedSquared }: Sums) => Math.max(0, movedSquared - moved ** 2 / weight);

function agree(sums: Sums): boolean {
  const [between, within, dfBetween] = [apart(sums), Math.max(0, sums.squares), sums.witnesses - 1];
  if (dfBetween < 1 || sums.df < 1 || between === 0) return true;
  // P(F > f) = I(within / (within + between); df within / 2, df between / 2).
  return incompleteBeta(within / (within + between), sums.df / 2, dfBetween / 2) >= DISAGREE;
}

function fitted(sums: Sums): Shift | null {
  const df = sums.df + sums.witnesses - 1;
  if (sums.witnesses < 1 || df < 1) return null;
  const variance = (Math.max(0, sums.squares) + apart(sums)) / df;
  return { centre: sums.moved / sums.weight, scale: Math.sqrt(variance / sums.weight), df };
}
