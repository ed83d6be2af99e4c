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
  /** How far the block's readings lie above the mean of all, as a logarithm. */
  readonly effect: number;
  /** How many readings this is based on. */
  readonly readings: number;
}

/** How far the blocks of a sweep differ from each other, over all rows that were measured in them. */
export interface BlockEffects {
  /** By block. */
  readonly effects: ReadonlyMap<string, BlockEffect>;
  /** Probability of effects at least this large if blocks do not differ. */
  readonly p: number;
}

const MOST_ROUNDS = 200;
const RESOLUTION = 1e-10;
const TIE = 1e-9;

/**
 * From this many readings on the F distribution is used, because a thousand permutations would take seconds.
 */
const MANY_READINGS = 2000;
const MOST_DEALS = 999;
/** Permutations with effects at least as large after which p is known well enough. */
const ENOUGH_AS_FAR = 20;

/**
 * Fits logarithm = row + block by least squares, and tests whether blocks differ. It fits rows and blocks in
 * turn, each to the residuals of the other (backfitting).
 *
 * On a steady machine the readings of a row may have come in any order. So p is the share of random
 * assignments of each row's readings to its blocks in which blocks differ at least as much (a permutation
 * test: Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005, ch. 7; ended early as Besag
 * & Clifford, "Sequential Monte Carlo p-values", 1991). It stays exact for rows of unequal noise, while the F
 * distribution would report 8 of 100 steady machines instead of 5.
 *
 * Above MANY_READINGS, p is that of F = the squares that blocks explain over the residual squares, each
 * divided by its degrees of freedom (Scheffé, "The Analysis of Variance", 1959, ch. 4). Rows need not be in
 * all blocks; groups of blocks that no row links reduce the degrees of freedom. The same readings always give
 * the same p.
 * @returns null with one block, or if no degrees of freedom are left.
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
  // Weighted by readings, since a block with one row says less about the middle than a block with all rows.
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
  /** Residual squares of the model without blocks. */
  readonly alone: number;
  /** Residual squares of the model with rows and blocks. */
  readonly left: number;
}

function leastSquares(rows: Indexed, blocks: Indexed, logs: Float64Array): Fit {
  const [n, rowMeans, effects] = [logs.length, means(rows, logs), new Float64Array(blocks.names.length)];
  const rest = new Float64Array(n);
  // Residuals after rows and after blocks are kept in arrays that are reused, because sweeps of tens of
  // thousands of starts are fitted again for each new start.
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
 * Share of random assignments of each row's readings to its blocks whose residual squares are at most `left`.
 * The residual squares without blocks are the same for all of them.
 */
function shareAsFar(rows: Indexed, blocks: Indexed, logs: Float64Array, left: number): number {
  const places = rows.names.map((): number[] => []);
  for (const [i, row] of rows.of.entries()) places[row]!.push(i);
  const [random, dealt] = [xoroshiro128plus(1), Float64Array.from(logs)];
  // An assignment that only swaps equal readings has the same residuals, except for rounding in the last
  // bits.
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
 * A row with one reading fits any effect of its block, so it contains no information, and backfitting would
 * only converge slowly towards that.
 */
function comparable(all: readonly StartReading[]): StartReading[] {
  const counts = new Map<string, number>();
  for (const { row } of all) counts.set(row, (counts.get(row) ?? 0) + 1);
  return all.filter(({ row }) => counts.get(row)! > 1);
}

/** The distinct names, and for each reading the index of its name. */
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
 * Counts the connected groups of rows and blocks, where a row and a block are connected if they share a
 * reading.
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
