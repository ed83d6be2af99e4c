import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { incompleteBeta } from './distributions.js';

/** What one start read, as a natural logarithm. */
export interface StartReading {
  /** What was measured. */
  readonly row: string;
  /** The part of the sweep that it was measured in. */
  readonly block: string;
  readonly log: number;
}

export interface BlockEffect {
  /** How far readings lie above (logarithm) the mean of all. */
  readonly effect: number;
  /** How many readings say so. */
  readonly readings: number;
}

/** How far the parts of a sweep lie apart, over all rows that were measured in them. */
export interface BlockEffects {
  /** By block. */
  readonly effects: ReadonlyMap<string, BlockEffect>;
  /** Chance of effects as large as these or larger where blocks do not differ. */
  readonly p: number;
}

const MOST_ROUNDS = 200;
const RESOLUTION = 1e-10;
const TIE = 1e-9;

/**
 * From so many readings on the F distribution is used: dealing them anew a thousand times would take seconds.
 */
const MANY_READINGS = 2000;
const MOST_DEALS = 999;
/** After so many deals that lie as far apart, p is known well enough. */
const ENOUGH_AS_FAR = 20;

/**
 * Fits logarithm = row + block by least squares (backfitting: rows and blocks in turn, each to what the other
 * leaves) and tests the blocks.
 *
 * On a steady machine the readings of a row may have come in any order. So p counts how often the row's own
 * readings, dealt to its blocks at random, lie as far apart between blocks (a permutation test: Good,
 * "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005, ch. 7; ended early as Besag & Clifford,
 * "Sequential Monte Carlo p-values", 1991). It stays exact for rows of unequal noise, where the F
 * distribution accuses 8 of 100 steady machines instead of 5.
 *
 * Above MANY_READINGS p is that of F = their share of the squares over what is left, each by its degrees of
 * freedom (Scheffé, "The Analysis of Variance", 1959, ch. 4). Rows need not be in all blocks; degrees of
 * freedom count the parts that no row links. The same readings give the same p.
 * @returns null with one block, or where nothing is left to judge by.
 */
export function blockEffects(all: readonly StartReading[]): BlockEffects | null {
  const readings = comparable(all);
  const logs = Float64Array.from(readings, ({ log }) => log);
  const rows = indexed(readings.map(({ row }) => row));
  const blocks = indexed(readings.map(({ block }) => block));
  if (blocks.names.length < 2) return null;
  const dfBlocks = blocks.names.length - parts(rows, blocks);
  const dfLeft = readings.length - rows.names.length - dfBlocks;
  if (dfBlocks < 1 || dfLeft < 1) return null;
  const { effects, alone, left } = leastSquares(rows, blocks, logs);
  const counts = blocks.names.map(() => 0);
  for (const block of blocks.of) counts[block]! += 1;
  // By readings: a block of one row is not as good a middle as one of all.
  const centre = effects.reduce((sum, effect, i) => sum + counts[i]! * effect, 0) / readings.length;
  const named = blocks.names.map(
    (name, i) => [name, { effect: effects[i]! - centre, readings: counts[i]! }] as const,
  );
  const p = () =>
    readings.length > MANY_READINGS
      ? // P(F > f) = I(left / alone; dfLeft / 2, dfBlocks / 2).
        incompleteBeta(left / alone, dfLeft / 2, dfBlocks / 2)
      : shareAsFar(rows, blocks, logs, left);
  return { effects: new Map(named), p: alone === 0 ? 1 : p() };
}

interface Fit {
  /** Of each block. */
  readonly effects: Float64Array;
  /** Squares that rows alone leave. */
  readonly alone: number;
  /** Squares that rows and blocks leave. */
  readonly left: number;
}

function leastSquares(rows: Indexed, blocks: Indexed, logs: Float64Array): Fit {
  const [n, rowMeans, effects] = [logs.length, means(rows, logs), new Float64Array(blocks.names.length)];
  const rest = new Float64Array(n);
  // What rows leave, and what blocks leave: sweeps of tens of thousands of starts are fitted again for each
  // that comes.
  const lessRows = () => {
    for (let i = 0; i < n; i += 1) rest[i] = logs[i]! - rowMeans[rows.of[i]!]!;
    return rest;
  };
  const lessBlocks = () => {
    for (let i = 0; i < n; i += 1) rest[i] = logs[i]! - effects[blocks.of[i]!]!;
    return rest;
  };
  const alone = squares(lessRows());
  for (let round = 0, moved = 1; round < MOST_ROUNDS && moved > RESOLUTION; round += 1) {
    const found = means(blocks, lessRows());
    moved = 0;
    for (const [b, effect] of found.entries()) moved = Math.max(moved, Math.abs(effect - effects[b]!));
    effects.set(found);
    rowMeans.set(means(rows, lessBlocks()));
  }
  return { effects, alone, left: squares(lessRows().map((value, i) => value - effects[blocks.of[i]!]!)) };
}

/**
 * Share of deals of each row's readings to its blocks that leave no more than `left`: what rows alone leave
 * is the same for all.
 */
function shareAsFar(rows: Indexed, blocks: Indexed, logs: Float64Array, left: number): number {
  const places = rows.names.map((): number[] => []);
  for (const [i, row] of rows.of.entries()) places[row]!.push(i);
  const [random, dealt] = [xoroshiro128plus(1), Float64Array.from(logs)];
  // A deal that only swaps equal readings leaves what they left, but for the last bits of its sums.
  const most = left * (1 + TIE);
  for (let deal = 1, asFar = 0; ; deal += 1) {
    for (const of of places)
      for (let i = of.length - 1; i > 0; i -= 1) {
        const [here, there] = [of[i]!, of[uniformInt(random, 0, i)]!];
        [dealt[here], dealt[there]] = [dealt[there]!, dealt[here]!];
      }
    if (leastSquares(rows, blocks, dealt).left <= most) asFar += 1;
    if (asFar === ENOUGH_AS_FAR) return asFar / deal;
    if (deal === MOST_DEALS) return (asFar + 1) / (MOST_DEALS + 1);
  }
}

/**
 * A row of one reading fits whatever its block does: it says nothing, and backfitting would only creep
 * towards that.
 */
function comparable(all: readonly StartReading[]): StartReading[] {
  const counts = new Map<string, number>();
  for (const { row } of all) counts.set(row, (counts.get(row) ?? 0) + 1);
  return all.filter(({ row }) => counts.get(row)! > 1);
}

/** Each name once, and for every reading which one is its own. */
interface Indexed {
  readonly names: readonly string[];
  readonly of: Int32Array;
}

function indexed(all: readonly string[]): Indexed {
  const places = new Map<string, number>();
  const of = Int32Array.from(all, (name) => {
    const place = places.get(name) ?? places.size;
    places.set(name, place);
    return place;
  });
  return { names: [...places.keys()], of };
}

function means({ names, of }: Indexed, values: Float64Array): Float64Array {
  const sums = new Float64Array(names.length);
  const counts = new Float64Array(names.length);
  for (let i = 0; i < values.length; i += 1) {
    sums[of[i]!]! += values[i]!;
    counts[of[i]!]! += 1;
  }
  return sums.map((sum, i) => sum / counts[i]!);
}

const squares = (values: Float64Array) => values.reduce((sum, v) => sum + v * v, 0);

/**
 * Sets of blocks that rows link to each other: every row and block is joined to whatever it shares a reading
 * with.
 */
function parts(rows: Indexed, blocks: Indexed): number {
  const parent = Array.from({ length: rows.names.length + blocks.names.length }, (_, i) => i);
  const root = (node: number): number => {
    let at = node;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  rows.of.forEach((row, i) => {
    parent[root(row)] = root(rows.names.length + blocks.of[i]!);
  });
  return parent.filter((up, node) => up === node).length;
}
