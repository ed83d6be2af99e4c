import type { Hessian } from '../../../core/techniques/pruning/hessian.js';
import { type Mask, packRow } from '../../../core/techniques/pruning/mask.js';
import { type Matrix, rowOf } from '../../../core/techniques/pruning/matrix.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import type { Refinement } from '../../../core/techniques/pruning/refinement.js';
import { isPruned } from './mask.js';

/** A swap has to gain more than this share of Σ w² H_jj: less could be rounding, and would not end. */
const LEAST_GAIN = 1e-12;

/** As `PruningEngine.swaps`, by looking at every pair of a row, or of its groups, before each swap. */
export function swaps(
  dense: Matrix,
  values: Matrix,
  initialMask: Mask,
  hessian: Hessian,
  pattern: Pattern,
  maxSwaps: number,
): Refinement {
  const { rows, columns } = dense;
  const mask = { ...initialMask, bits: initialMask.bits.slice() };
  const made = new Int32Array(rows);
  const [squaresBefore, squaresAfter] = [new Float64Array(rows), new Float64Array(rows)];
  const group = pattern.kind === 'grouped' ? pattern.group : columns;
  for (let row = 0; row < rows; row++) {
    const flags = Uint8Array.from({ length: columns }, (_, j) => (isPruned(initialMask, row, j) ? 1 : 0));
    const state = new SwappedRow(rowOf(dense, row), rowOf(values, row), flags, hessian, group);
    squaresBefore[row] = state.square();
    while (made[row]! < maxSwaps && state.improve()) made[row]!++;
    squaresAfter[row] = state.square();
    packRow(mask, row, flags);
  }
  return { initialMask, mask, swaps: made, maxSwaps, squaresBefore, squaresAfter };
}

class SwappedRow {
  readonly #w: Float64Array;
  readonly #flags: Uint8Array;
  readonly #hessian: Hessian;
  readonly #group: number;
  /** What is lost: all of a pruned weight, and of a kept one what its update took away. */
  readonly #d: Float64Array;
  /** H d. */
  readonly #c: Float64Array;
  readonly #energy: Float64Array;
  readonly #leastGain: number;

  constructor(dense: Float32Array, kept: Float32Array, flags: Uint8Array, hessian: Hessian, group: number) {
    const n = dense.length;
    this.#w = Float64Array.from(kept);
    this.#flags = flags;
    this.#hessian = hessian;
    this.#group = group;
    this.#d = Float64Array.from(dense, (value, j) => (flags[j] === 1 ? value : value - kept[j]!));
    this.#c = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      if (this.#d[i] === 0) continue;
      for (let j = 0; j < n; j++) this.#c[j]! += this.#d[i]! * this.#at(i, j);
    }
    this.#energy = this.#w.map((w, j) => w * w * this.#at(j, j));
    this.#leastGain = LEAST_GAIN * this.#energy.reduce((sum, energy) => sum + energy, 0);
  }

  /** d H dᵀ. */
  square(): number {
    return this.#d.reduce((sum, d, j) => sum + d * this.#c[j]!, 0);
  }

  /** Makes the best swap. @returns false where none gains enough. */
  improve(): boolean {
    let best = -this.#leastGain;
    let [u, p] = [-1, -1];
    for (let grown = 0; grown < this.#w.length; grown++) {
      const start = grown - (grown % this.#group);
      for (let pruned = start; this.#flags[grown] === 1 && pruned < start + this.#group; pruned++) {
        if (this.#flags[pruned] === 1) continue;
        const change = this.#change(grown, pruned);
        if (change < best) [best, u, p] = [change, grown, pruned];
      }
    }
    if (u < 0) return false;
    const [wu, wp] = [this.#w[u]!, this.#w[p]!];
    this.#flags[u] = 0;
    this.#flags[p] = 1;
    this.#d[u]! -= wu;
    this.#d[p]! += wp;
    for (let j = 0; j < this.#c.length; j++) this.#c[j]! += wp * this.#at(p, j) - wu * this.#at(u, j);
    return true;
  }

  /** What the row's squared error changes by with u grown and p pruned. */
  #change(u: number, p: number): number {
    const [wu, wp] = [this.#w[u]!, this.#w[p]!];
    const grown = this.#energy[u]! - 2 * wu * this.#c[u]!;
    const pruned = this.#energy[p]! + 2 * wp * this.#c[p]!;
    return grown + pruned - 2 * wu * (wp * this.#at(u, p));
  }

  /** Of the upper triangle alone. */
  #at(i: number, j: number): number {
    return this.#hessian.values[Math.min(i, j) * this.#hessian.columns + Math.max(i, j)]!;
  }
}
