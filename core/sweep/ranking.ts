import type { Diagram, NodeId } from './diagram.js';

/** The verdict of a point that runs; every other number is a reason it does not. */
export const RUNS = 0;

/**
 * Numbers the points of a grid that run: position ↔ index in each dimension, by the counts below every node
 * of a diagram (ranking by counting, Knuth TAOCP 7.1.4). Exact while the grid has at most 2^53 points.
 */
export class Ranking {
  readonly count: number;
  readonly #sizes: readonly number[];
  /** Points below each level if nothing were left out: `below[l]` = product of sizes from l on. */
  readonly #below: Float64Array;
  readonly #levels: Int32Array;
  readonly #children: readonly Int32Array[];
  /** Running counts of the points that run, before each child of a node; empty for leaves. */
  readonly #starts: readonly Float64Array[];
  readonly #counts: Float64Array;
  readonly #root: number;

  constructor(diagram: Diagram, root: NodeId) {
    const depth = diagram.sizes.length;
    this.#sizes = diagram.sizes;
    this.#below = new Float64Array(depth + 1).fill(1);
    for (let l = depth - 1; l >= 0; l--) this.#below[l] = this.#below[l + 1]! * diagram.sizes[l]!;
    const reached = reachable(diagram, root);
    const renumbered = new Map(reached.map((id, i) => [id, i]));
    this.#levels = Int32Array.from(reached, (id) => diagram.levels[id]!);
    this.#children = reached.map((id) =>
      diagram.isLeaf(id)
        ? diagram.children[id]!
        : diagram.children[id]!.map((child) => renumbered.get(child)!),
    );
    this.#counts = new Float64Array(reached.length);
    this.#starts = this.#children.map((children, id) => {
      const level = this.#levels[id]!;
      if (level === depth) {
        this.#counts[id] = children[0] === RUNS ? 1 : 0;
        return new Float64Array(0);
      }
      const starts = new Float64Array(children.length);
      let sum = 0;
      for (const [value, child] of children.entries()) {
        starts[value] = sum;
        sum += this.#counts[child]! * this.#between(level + 1, this.#levels[child]!);
      }
      this.#counts[id] = sum;
      return starts;
    });
    this.#root = reached.length - 1;
    this.count = this.#counts[this.#root]! * this.#between(0, this.#levels[this.#root]!);
  }

  /** Combinations of the dimensions from one level up to another, the latter left out. */
  #between(from: number, to: number): number {
    return this.#below[from]! / this.#below[to]!;
  }

  /** @returns how many points have each verdict. */
  verdicts(): Map<number, number> {
    const totals = new Map<number, number>();
    const weights = new Float64Array(this.#levels.length);
    weights[this.#root] = this.#between(0, this.#levels[this.#root]!);
    for (let id = this.#root; id >= 0; id--) {
      const level = this.#levels[id]!;
      const children = this.#children[id]!;
      if (level === this.#sizes.length) {
        totals.set(children[0]!, (totals.get(children[0]!) ?? 0) + weights[id]!);
        continue;
      }
      for (const child of children) {
        weights[child] = weights[child]! + weights[id]! * this.#between(level + 1, this.#levels[child]!);
      }
    }
    return totals;
  }

  /** Writes the index in each dimension of the point at a position into `indices`. */
  unrank(position: number, indices: Int32Array): void {
    let rest = position;
    let node = this.#root;
    let level = 0;
    for (;;) {
      const stop = this.#levels[node]!;
      for (; level < stop; level++) {
        const each = this.#counts[node]! * this.#between(level + 1, stop);
        const index = Math.floor(rest / each);
        indices[level] = index;
        rest -= index * each;
      }
      if (stop === this.#sizes.length) return;
      const index = lastAtMost(this.#starts[node]!, rest);
      indices[level] = index;
      rest -= this.#starts[node]![index]!;
      node = this.#children[node]![index]!;
      level++;
    }
  }

  /** @returns the position of a point, or null when it does not run. */
  rank(indices: Int32Array): number | null {
    let position = 0;
    let node = this.#root;
    let level = 0;
    for (;;) {
      const stop = this.#levels[node]!;
      for (; level < stop; level++) {
        position += indices[level]! * this.#counts[node]! * this.#between(level + 1, stop);
      }
      if (stop === this.#sizes.length) return this.#children[node]![0] === RUNS ? position : null;
      position += this.#starts[node]![indices[level]!]!;
      node = this.#children[node]![indices[level]!]!;
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
function lastAtMost(starts: Float64Array, rest: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= rest) low = middle;
    else high = middle - 1;
  }
  return low;
}
