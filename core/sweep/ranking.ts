import type { Diagram, NodeId } from './diagram.js';

/** The verdict of a point that runs; every other number is a reason it does not. */
export const RUNS = 0;

/**
 * Counts of the points below every node of a diagram, nodes below their parents first and the root last.
 * Plain data in a few arrays, so that it goes from one thread to another at no cost.
 */
export interface RankTables {
  readonly sizes: readonly number[];
  /** The dimension each node decides on; one past the last for leaves. */
  readonly levels: Int32Array;
  /** Where the children of each node begin, and where those of the last one end. */
  readonly offsets: Int32Array;
  /** The children of all nodes, one per value of their dimension; the verdict for leaves. */
  readonly children: Int32Array;
  /** Running counts of the points that run, before each child. */
  readonly starts: Float64Array;
  readonly counts: Float64Array;
}

/** Combinations of the dimensions from each one on, if nothing were left out. */
function productsFrom(sizes: readonly number[]): Float64Array {
  const below = new Float64Array(sizes.length + 1).fill(1);
  for (let l = sizes.length - 1; l >= 0; l--) below[l] = below[l + 1]! * sizes[l]!;
  return below;
}

/** @returns the tables of the part of a diagram that is below a node. */
export function rankTables(diagram: Diagram, root: NodeId): RankTables {
  const { sizes } = diagram;
  const depth = sizes.length;
  const below = productsFrom(sizes);
  const reached = reachable(diagram, root);
  const renumbered = new Map(reached.map((id, i) => [id, i]));
  const levels = Int32Array.from(reached, (id) => diagram.levels[id]!);
  const offsets = new Int32Array(reached.length + 1);
  for (const [i, id] of reached.entries()) offsets[i + 1] = offsets[i]! + diagram.children[id]!.length;
  const children = new Int32Array(offsets[reached.length]!);
  const starts = new Float64Array(children.length);
  const counts = new Float64Array(reached.length);
  for (const [i, id] of reached.entries()) {
    const level = levels[i]!;
    const offset = offsets[i]!;
    if (level === depth) {
      children[offset] = diagram.children[id]![0]!;
      counts[i] = children[offset] === RUNS ? 1 : 0;
      continue;
    }
    let sum = 0;
    for (const [value, node] of diagram.children[id]!.entries()) {
      const child = renumbered.get(node)!;
      children[offset + value] = child;
      starts[offset + value] = sum;
      sum += (counts[child]! * below[level + 1]!) / below[levels[child]!]!;
    }
    counts[i] = sum;
  }
  return { sizes, levels, offsets, children, starts, counts };
}

/**
 * Numbers the points of a grid that run: position ↔ index in each dimension, by the counts below every node
 * of a diagram (ranking by counting, Knuth TAOCP 7.1.4). Exact while the grid has at most 2^53 points.
 */
export class Ranking {
  readonly count: number;
  readonly #tables: RankTables;
  /** Points below each level if nothing were left out: `below[l]` = product of sizes from l on. */
  readonly #below: Float64Array;
  readonly #root: number;

  constructor(tables: RankTables) {
    this.#tables = tables;
    this.#below = productsFrom(tables.sizes);
    this.#root = tables.levels.length - 1;
    this.count = tables.counts[this.#root]! * this.#countBetween(0, tables.levels[this.#root]!);
  }

  /** Combinations of the dimensions from one level up to another, the latter left out. */
  #countBetween(from: number, to: number): number {
    return this.#below[from]! / this.#below[to]!;
  }

  /** @returns how many points have each verdict. */
  verdicts(): Map<number, number> {
    const { sizes, levels, offsets, children } = this.#tables;
    const totals = new Map<number, number>();
    const weights = new Float64Array(levels.length);
    weights[this.#root] = this.#countBetween(0, levels[this.#root]!);
    for (let id = this.#root; id >= 0; id--) {
      const level = levels[id]!;
      if (level === sizes.length) {
        const verdict = children[offsets[id]!]!;
        totals.set(verdict, (totals.get(verdict) ?? 0) + weights[id]!);
        continue;
      }
      for (let at = offsets[id]!; at < offsets[id + 1]!; at++) {
        const child = children[at]!;
        weights[child] = weights[child]! + weights[id]! * this.#countBetween(level + 1, levels[child]!);
      }
    }
    return totals;
  }

  /** Writes the index in each dimension of the point at a position into `indices`. */
  unrank(position: number, indices: Int32Array): void {
    const { sizes, levels, offsets, children, starts, counts } = this.#tables;
    let rest = position;
    let node = this.#root;
    let level = 0;
    for (;;) {
      const stop = levels[node]!;
      for (; level < stop; level++) {
        const each = counts[node]! * this.#countBetween(level + 1, stop);
        const index = Math.floor(rest / each);
        indices[level] = index;
        rest -= index * each;
      }
      if (stop === sizes.length) return;
      const at = lastAtMost(starts, offsets[node]!, offsets[node + 1]! - 1, rest);
      indices[level] = at - offsets[node]!;
      rest -= starts[at]!;
      node = children[at]!;
      level++;
    }
  }

  /** @returns the position of a point, or null when it does not run. */
  rank(indices: Int32Array): number | null {
    const { sizes, levels, offsets, children, starts, counts } = this.#tables;
    let position = 0;
    let node = this.#root;
    let level = 0;
    for (;;) {
      const stop = levels[node]!;
      for (; level < stop; level++) {
        position += indices[level]! * counts[node]! * this.#countBetween(level + 1, stop);
      }
      const offset = offsets[node]!;
      if (stop === sizes.length) return children[offset] === RUNS ? position : null;
      position += starts[offset + indices[level]!]!;
      node = children[offset + indices[level]!]!;
      level++;
    }
  }
}

/** Nodes below a root, children before parents. */
function reachable(diagram: Diagram, root: NodeId): NodeId[] {
  const seen = new Set<NodeId>([root]);
  const open = [root];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (diagram.isLeaf(id)) continue;
    for (const child of diagram.children[id]!) {
      if (seen.has(child)) continue;
      seen.add(child);
      open.push(child);
    }
  }
  return [...seen].sort((a, b) => a - b);
}

/**
 * The child that holds the `rest`-th point: the last start that is not above it. A child without points
 * starts where the next one does (or, at the end, beyond every point), so it is never the one found.
 */
function lastAtMost(starts: Float64Array, first: number, last: number, rest: number): number {
  let low = first;
  let high = last;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= rest) low = middle;
    else high = middle - 1;
  }
  return low;
}
