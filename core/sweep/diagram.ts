import { getOrMake } from '../maps.js';

/**
 * What a verdict may depend on is written as a decision diagram: one level per dimension of a grid, one
 * child per value, equal parts shared. A level that does not matter is left out, so a grid of 10^9 points
 * without constraints is a single leaf, and counting or finding the n-th point never visits points.
 * (Multi-valued decision diagrams: Srinivasan et al., ICCAD 1990; apply: Bryant, IEEE ToC 1986.)
 */
export type NodeId = number;

/** A constraint was too large for its budget; the planner says so instead of hanging. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** Steps that may still be taken: asking for one verdict, or looking at one child. */
export interface Budget {
  steps: number;
}

export class Diagram {
  /** Values of each dimension, slowest first. */
  readonly sizes: readonly number[];
  readonly levels: number[] = [];
  /** Children of inner nodes, one per value; `[verdict]` for leaves. A child's id is below its parent's. */
  readonly children: Int32Array[] = [];
  /** What the next operations are charged to. */
  budget: Budget;
  readonly #shared = new Map<string, NodeId>();

  constructor(sizes: readonly number[], budget: Budget) {
    this.sizes = sizes;
    this.budget = budget;
  }

  leaf(verdict: number): NodeId {
    return this.#share(this.sizes.length, Int32Array.of(verdict));
  }

  isLeaf(id: NodeId): boolean {
    return this.levels[id] === this.sizes.length;
  }

  /**
   * Writes a verdict over some dimensions (ascending) as a diagram, by asking for each of their combinations.
   * @throws TooLargeError when the budget does not allow that many.
   */
  compile(dimensions: readonly number[], verdictOf: (indices: readonly number[]) => number): NodeId {
    const combinations = dimensions.reduce((product, d) => product * (this.sizes[d] ?? 0), 1);
    this.#spend(combinations);
    const indices = dimensions.map(() => 0);
    const build = (depth: number): NodeId => {
      const level = dimensions[depth];
      if (level === undefined) return this.leaf(verdictOf(indices));
      const below = new Int32Array(this.sizes[level] ?? 0);
      for (let value = 0; value < below.length; value++) {
        indices[depth] = value;
        below[value] = build(depth + 1);
      }
      return this.#node(level, below);
    };
    return build(0);
  }

  /** Combines two diagrams leaf by leaf. @throws TooLargeError when the result is too large. */
  combine(a: NodeId, b: NodeId, verdict: (a: number, b: number) => number): NodeId {
    const known = new Map<number, NodeId>();
    const apply = (x: NodeId, y: NodeId): NodeId => {
      const key = x * 0x400_0000 + y;
      const before = known.get(key);
      if (before !== undefined) return before;
      const level = Math.min(this.levels[x]!, this.levels[y]!);
      const left = this.children[x]!;
      const right = this.children[y]!;
      let result: NodeId;
      if (level === this.sizes.length) result = this.leaf(verdict(left[0]!, right[0]!));
      else {
        const below = new Int32Array(this.sizes[level]!);
        this.#spend(below.length);
        for (let value = 0; value < below.length; value++) {
          below[value] = apply(
            this.levels[x] === level ? left[value]! : x,
            this.levels[y] === level ? right[value]! : y,
          );
        }
        result = this.#node(level, below);
      }
      known.set(key, result);
      return result;
    };
    return apply(a, b);
  }

  /** Refuses before the work is done, and keeps what is left for smaller constraints. */
  #spend(steps: number): void {
    if (steps > this.budget.steps) throw new TooLargeError(`${steps} steps`);
    this.budget.steps -= steps;
  }

  #node(level: number, below: Int32Array): NodeId {
    return below.every((child) => child === below[0]) ? below[0]! : this.#share(level, below);
  }

  #share(level: number, below: Int32Array): NodeId {
    return getOrMake(this.#shared, `${level}:${below.join()}`, () => {
      this.levels.push(level);
      return this.children.push(below) - 1;
    });
  }
}
