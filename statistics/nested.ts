import { median } from './quantile.js';
import { mean, moments } from './summary.js';

/**
 * The readings of one metric of one experiment, in the order of the brackets: blocks (parts of a sweep in
 * time), starts (processes) within a block, repeats within a start. Ragged lists are fine; every reading is
 * positive, in the unit of the metric.
 */
export type Blocks = readonly (readonly (readonly number[])[])[];

/**
 * One level's share of the spread: a standard deviation of natural logarithms, which equals the relative
 * standard deviation if it is small.
 */
export type Component =
  | { readonly sd: number; readonly reason: null }
  | { readonly sd: null; readonly reason: string };

/** How readings of one experiment differ, level by level. A negative estimate is replaced by 0. */
export interface Components {
  /** Repeats of one start. */
  readonly within: Component;
  /**
   * Spread of the starts of one block. If each start has one reading, this also contains the spread of
   * repeats; if each block has one start, also that of blocks.
   */
  readonly betweenStarts: Component;
  readonly betweenBlocks: Component;
}

/** @returns why these readings have no logarithm or no centre, in one sentence; null if they have both. */
export function unusable(blocks: Blocks): string | null {
  if (blocks.flat().every((start) => start.length === 0)) return 'there are no readings';
  const wrong = blocks.flat(2).find((v) => !(v > 0 && Number.isFinite(v)));
  return wrong === undefined ? null : `a ratio needs positive, finite values, and one of them is ${wrong}`;
}

/**
 * The natural logarithm of each start's number, by block; empty starts and blocks are left out. It is the
 * median of the start's repeats, which one disturbed repeat does not change. A start counts once however many
 * repeats it has, because all of them share its memory layout and its time.
 */
export function startLogs(blocks: Blocks): number[][] {
  return blocks
    .map((starts) => starts.filter((start) => start.length > 0).map((start) => Math.log(median(start))))
    .filter((starts) => starts.length > 0);
}

/**
 * Variance components of the logarithms: mean squares of the nested analysis of variance, set equal to their
 * expectations (method of moments: Searle, Casella & McCulloch, "Variance Components", 1992, for ragged
 * data). With equal numbers these are the T² = S² − S²(below) / repeats(below) of Kalibera & Jones, "Rigorous
 * Benchmarking in Reasonable Time", ISMM 2013. They are unbiased before negative ones become 0. From three
 * starts a component is a rough figure, whose standard error is as large as the component.
 * @param blocks usable readings (see `unusable`).
 */
export function componentsOf(blocks: Blocks): Components {
  const given = blocks
    .map((starts) => starts.filter((s) => s.length > 0).map((s) => s.map(Math.log)))
    .filter((starts) => starts.length > 0);
  const alone = given.length > 1 && given.every((starts) => starts.length === 1);
  const nested = alone ? [given.flat()] : given;
  const starts = nested.flat();
  const inBlocks = nested.map((block) => block.flat());
  const all = inBlocks.flat();
  const df = {
    within: all.length - starts.length,
    starts: starts.length - nested.length,
    blocks: nested.length - 1,
  };

  const within = df.within === 0 ? 0 : sum(starts.map((s) => moments(s).squares)) / df.within;
  // Squared numbers of readings of each start, relative to its block and to all: the expectations of mean
  // squares of ragged data consist of these.
  const shareOfBlocks = sum(nested.map((block) => squared(block) / block.flat().length));
  const shareOfAll = squared(starts) / all.length;
  const between =
    df.starts === 0
      ? 0
      : Math.max(
          0,
          (sum(nested.map((block) => spreadOf(block, mean(block.flat())))) - df.starts * within) /
            (all.length - shareOfBlocks),
        );
  const betweenBlocks =
    df.blocks === 0
      ? 0
      : (spreadOf(inBlocks, mean(all)) - df.blocks * within - (shareOfBlocks - shareOfAll) * between) /
        (all.length - squared(inBlocks) / all.length);

  const component = (known: boolean, variance: number, reason: string): Component =>
    known ? { sd: Math.sqrt(Math.max(0, variance)), reason: null } : { sd: null, reason };
  return {
    within: component(df.within > 0, within, 'one reading in each start: how repeats differ is not known'),
    betweenStarts: component(df.starts > 0, between, 'one start: how starts differ is not known'),
    betweenBlocks: component(
      df.blocks > 0,
      betweenBlocks,
      alone
        ? 'one start in each block: how blocks differ is part of how starts differ'
        : 'one block: how parts of the sweep differ is not known',
    ),
  };
}

const sum = (values: readonly number[]) => values.reduce((total, v) => total + v, 0);
const squared = (groups: readonly (readonly number[])[]) => sum(groups.map((g) => g.length ** 2));
/** Squares of the groups' means about a centre, each weighted by its readings. */
const spreadOf = (groups: readonly (readonly number[])[], centre: number) =>
  sum(groups.map((g) => g.length * (mean(g) - centre) ** 2));
