import { failed } from '../errors.js';
import type { AxisValue, ExperimentContent, ModelFacts, ModelRef } from '../experiment/experiment.js';
import { opensModels } from '../runners/index.js';
import { type Budget, type NodeId, TooLargeError } from './diagram.js';
import { contentBuilder, type Grid, gridsOf } from './grid.js';
import { axisValues } from './labels.js';
import { Ranking, type RankTables, RUNS, rankTables } from './ranking.js';
import type { Sweep } from './spec.js';
import { DUPLICATE, EXCLUDED, Judge, rulesOf } from './verdict.js';

/** Most points of one sweep: positions stay exact in a double with room to spare. */
const MAX_POINTS = 1e15;
/** Most grids: pairs of blocks, and pairs for every include entry. */
const MAX_GRIDS = 300;

/**
 * Steps of a whole plan, for each kind of constraint on its own so that one cannot starve another; about
 * half a second each on one core.
 */
const STEPS = 2_000_000;

/** All points of a sweep, numbered and never stored. */
export interface Space {
  /** Points that can run; positions are 0 … count - 1. */
  readonly count: number;
  /** count + excluded + duplicates + everything impossible. */
  readonly total: number;
  readonly excluded: number;
  /** Points that two grids share; each is counted and numbered once. */
  readonly duplicates: number;
  /** What can never run, by reason, most frequent first. */
  readonly impossible: readonly { readonly reason: string; readonly count: number }[];
  /** Rules that were too large to check in advance; their points fail when they are tried. Usually empty. */
  readonly unchecked: readonly string[];
  /** @returns the content of the point at a position. @throws RangeError outside 0 … count - 1. */
  contentAt(position: number): ExperimentContent;
  /** @returns the position of a point (its node aside), or null when it is none that runs. */
  indexOf(content: ExperimentContent): number | null;
  /** The grids whose points are numbered, in that order. */
  readonly grids: readonly Grid[];
  /**
   * @returns which of the grids a position is in, and its index in each dimension.
   * @throws RangeError outside 0 … count - 1.
   */
  locate(position: number): { readonly grid: number; readonly indices: Int32Array };
  /**
   * @returns the position of a point of a grid by its index in each dimension, or null when it is none that
   *   runs.
   */
  positionOf(grid: number, indices: Int32Array): number | null;
}

interface Budgets {
  readonly excludes: Budget;
  readonly duplicates: Budget;
  readonly rules: Budget;
}

/** What planning a sweep finds out, as plain data that one thread can give to another. */
export interface SweepPlan
  extends Pick<Space, 'count' | 'total' | 'excluded' | 'duplicates' | 'impossible' | 'unchecked'> {
  readonly parts: readonly PlannedPart[];
}

/** The points of one grid. */
interface PlannedPart {
  readonly grid: Grid;
  readonly tables: RankTables;
  /** Position of its first point. */
  readonly start: number;
}

interface Part {
  readonly grid: Grid;
  readonly ranking: Ranking;
  readonly start: number;
  readonly build: (indices: Int32Array) => ExperimentContent;
  readonly scratch: Int32Array;
}

/** @returns the space of a sweep: laid out and opened. @throws FailureError as `layOut`. */
export function planSpace(sweep: Sweep): Space {
  return openSpace(sweep, layOut(sweep));
}

/**
 * Plans a sweep without visiting its points: time and memory follow the number of values and constraints,
 * not the number of points. The order is fixed by the sweep alone: blocks in file order, then include
 * entries; within a grid the last axis (of AXIS_NAMES) changes fastest.
 * @throws FailureError when the sweep is too large, or its excludes are too entangled to be counted.
 */
export function layOut(sweep: Sweep): SweepPlan {
  const grids = gridsOf(sweep, MAX_GRIDS);
  if (grids.length > MAX_GRIDS) {
    throw tooLarge(`the pairs of runners and workloads, with include, make more than ${MAX_GRIDS} grids`);
  }
  const size = grids.reduce((sum, grid) => sum + grid.size, 0);
  if (size > MAX_POINTS) throw tooLarge(`the sweep has ${size.toExponential(1)} points, more than 10^15`);
  const reasons = new Map<string, number>();
  const unchecked = new Set<string>();
  const facts = new Map<AxisValue, ModelFacts | null>(sweep.models.map((model) => [model.name, model.facts]));
  const budgets: Budgets = {
    excludes: { steps: STEPS },
    duplicates: { steps: STEPS },
    rules: { steps: STEPS },
  };
  const totals = new Map<number, number>();
  const parts: PlannedPart[] = [];
  let count = 0;
  for (const [index, grid] of grids.entries()) {
    const judge = new Judge(grid, budgets.excludes, reasons);
    const verdict = verdictOver(judge, {
      sweep,
      facts,
      grid,
      earlier: grids.slice(0, index),
      budgets,
      unchecked,
    });
    const tables = rankTables(judge.diagram, verdict);
    const ranking = new Ranking(tables);
    for (const [word, points] of ranking.verdicts()) totals.set(word, (totals.get(word) ?? 0) + points);
    parts.push({ grid, tables, start: count });
    count += ranking.count;
  }
  const impossible = [...reasons]
    .map(([reason, code]) => ({ reason, count: totals.get(code) ?? 0 }))
    .filter((entry) => entry.count > 0)
    .sort((a, b) => b.count - a.count);
  return {
    count,
    total: size,
    excluded: totals.get(EXCLUDED) ?? 0,
    duplicates: totals.get(DUPLICATE) ?? 0,
    impossible,
    unchecked: [...unchecked],
    parts,
  };
}

/** @returns the points of a sweep by its plan; takes next to no time. */
export function openSpace(sweep: Sweep, plan: SweepPlan): Space {
  const { parts: planned, ...counted } = plan;
  const models = new Map<AxisValue, ModelRef>(sweep.models.map((model) => [model.name, model]));
  const parts = planned.map(
    ({ grid, tables, start }): Part => ({
      grid,
      ranking: new Ranking(tables),
      start,
      build: contentBuilder(sweep, grid, models),
      scratch: new Int32Array(grid.dimensions.length),
    }),
  );
  const { count } = plan;
  const partOf = (position: number): number => {
    if (!Number.isInteger(position) || position < 0 || position >= count) {
      throw new RangeError(
        count === 0 ? 'no point of this sweep can run' : `position ${position} is outside 0 to ${count - 1}`,
      );
    }
    return partAt(parts, position);
  };
  return {
    ...counted,
    contentAt(position) {
      const part = parts[partOf(position)]!;
      part.ranking.unrank(position - part.start, part.scratch);
      return part.build(part.scratch);
    },
    grids: parts.map(({ grid }) => grid),
    locate(position) {
      const grid = partOf(position);
      const { ranking, start, scratch } = parts[grid]!;
      const indices = new Int32Array(scratch.length);
      ranking.unrank(position - start, indices);
      return { grid, indices };
    },
    positionOf(grid, indices) {
      const { ranking, start } = parts[grid]!;
      const position = ranking.rank(indices);
      return position === null ? null : start + position;
    },
    indexOf(content) {
      for (const part of parts) {
        if (!locate(part.grid, content, part.scratch)) continue;
        const position = part.ranking.rank(part.scratch);
        if (position !== null) return part.start + position;
      }
      return null;
    },
  };
}

/** What a verdict over a grid is built from. */
interface Judged {
  readonly sweep: Sweep;
  readonly facts: ReadonlyMap<AxisValue, ModelFacts | null>;
  readonly grid: Grid;
  /** Grids whose points count there already. */
  readonly earlier: readonly Grid[];
  readonly budgets: Budgets;
  /** Takes in what is too large to be counted. */
  readonly unchecked: Set<string>;
}

/**
 * Builds the verdict over a grid. Excludes must be obeyed; what else is too large to be counted in advance
 * is named in `unchecked` and goes without harm: a point that is there twice has one id, and one that cannot
 * run fails with the same reason when it is tried.
 */
function verdictOver(judge: Judge, { sweep, facts, grid, earlier, budgets, unchecked }: Judged): NodeId {
  let verdict = judge.diagram.leaf(RUNS);
  const add = (budget: Budget, next: () => NodeId, tooLarge: () => void) => {
    judge.diagram.budget = budget;
    try {
      verdict = judge.firstOf([verdict, next()]);
    } catch (error) {
      if (!(error instanceof TooLargeError)) throw error;
      tooLarge();
    }
  };
  if (!grid.included) {
    add(
      budgets.excludes,
      () => judge.excluded(sweep.exclude),
      () => {
        throw tooLarge('the exclude entries of the sweep overlap in too many ways to be counted');
      },
    );
  }
  for (const other of earlier) {
    add(
      budgets.duplicates,
      () => judge.duplicates(other, sweep.exclude),
      () => unchecked.add('blocks and include entries overlap in too many ways to count each point once'),
    );
  }
  for (const rule of rulesOf(grid.runner, grid.workload)) {
    add(
      budgets.rules,
      () => judge.impossible(rule, facts),
      () => unchecked.add(`${rule.axes.join(' × ')} has too many combinations to check before they run`),
    );
  }
  return verdict;
}

const tooLarge = (message: string) =>
  failed('impossible-combination', message, 'Split the sweep, or use shorter lists.');

/** The part that holds a position: the last one that starts at or before it and has points. */
function partAt(parts: readonly Part[], position: number): number {
  let low = 0;
  let high = parts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (parts[middle]!.start <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

function locate(grid: Grid, content: ExperimentContent, indices: Int32Array): boolean {
  if (content.runner.kind !== grid.runner || content.workload.kind !== grid.workload) return false;
  const values = axisValues(content);
  return grid.dimensions.every(({ axes, size }, d) => {
    for (let index = 0; index < size; index++) {
      if (!axes.every((axis) => axis.values[index] === values[axis.name])) continue;
      indices[d] = index;
      return true;
    }
    return false;
  });
}

/**
 * @returns why a point can never run, or null; for rules that a plan left unchecked, and for what is known of
 *   a model only where it lies.
 */
export function impossibility(content: ExperimentContent): string | null {
  const values = axisValues(content);
  for (const rule of rulesOf(content.runner.kind, content.workload.kind)) {
    if (!rule.axes.every((axis) => axis in values)) continue;
    const facts = opensModels(content.runner.kind) ? content.model.facts : null;
    if (rule.axes.includes('model') && facts === null) continue;
    const reason = rule.reason(values, facts);
    if (reason !== null) return reason;
  }
  return null;
}
