import type { DsnotSettings } from '../../../../core/techniques/pruning/dsnot/settings.js';
import { step } from './reference.js';
import type { ExchangeRow } from './row.js';

/**
 * DSnoT's exchange with two rules more: a step is taken only if |e| falls, else the row ends; candidates are
 * only pruned weights of e's sign and kept weights of the opposite one, and a row ends when either list is
 * used up. So every row keeps its exact sparsity, never ends with a larger |e|, and never regrows on a dead
 * channel (D = 0 there).
 */
export class StrictExchange {
  readonly #settings: DsnotSettings;
  #cycles = 0;
  steps = 0;

  constructor(settings: DsnotSettings) {
    this.#settings = settings;
  }

  /** The most steps that a row took. */
  get cycles(): number {
    return this.#cycles;
  }

  /** Unstructured: exchanges the row's flags in place. */
  exchange(state: ExchangeRow): void {
    const walk = new GrowWalk(state);
    let pruneLeft = 0;
    let pruneRight = 0;
    this.#run(state, (error) => {
      const grown = walk.next(error);
      if (grown < 0) return null;
      if (error > 0) {
        if (pruneLeft === state.negative) return null;
        return { grown, pruned: state.pruneOrder[pruneLeft++]! };
      }
      if (pruneRight === state.positive) return null;
      return { grown, pruned: state.pruneOrder[state.kept - ++pruneRight]! };
    });
  }

  /**
   * Grouped: prunes the kept weight of least score in the regrown weight's group; a group whose weights have
   * all been taken is passed over.
   * @param scores the row's initial scores, spoiled here.
   */
  exchangeGrouped(state: ExchangeRow, scores: Float32Array, group: number): void {
    const walk = new GrowWalk(state);
    const taken = Uint8Array.from(state.flags);
    this.#run(state, (error) => {
      for (let grown = walk.next(error); grown >= 0; grown = walk.next(error)) {
        const start = grown - (grown % group);
        let pruned = -1;
        for (let j = start; j < start + group; j++) {
          if (taken[j] === 0 && (pruned < 0 || scores[j]! < scores[pruned]!)) pruned = j;
        }
        if (pruned < 0) continue;
        taken[pruned] = 1;
        return { grown, pruned };
      }
      return null;
    });
  }

  #run(state: ExchangeRow, choose: (error: number) => { grown: number; pruned: number } | null): void {
    const { contribution, flags } = state;
    const sign = Math.sign(state.error);
    for (let cycle = 1; cycle <= this.#settings.maxCycles; cycle++) {
      if (!(Math.abs(state.error) > this.#settings.updateThreshold)) return;
      const pair = choose(state.error);
      if (pair === null) return;
      const after = step(state.error, contribution[pair.pruned]!, contribution[pair.grown]!);
      if (!(Math.abs(after) < Math.abs(state.error))) return;
      if (!this.#settings.withoutSameSign && Math.sign(after) !== sign) return;
      flags[pair.grown] = 0;
      flags[pair.pruned] = 1;
      state.error = after;
      this.steps++;
      this.#cycles = Math.max(this.#cycles, cycle);
    }
  }
}

/** Pruned weights of the error's sign, the largest contribution over variance first. Each comes once. */
class GrowWalk {
  readonly #state: ExchangeRow;
  #left = 0;
  #right: number;

  constructor(state: ExchangeRow) {
    this.#state = state;
    this.#right = state.columns - 1;
  }

  /** @returns a column, or -1 when there is none left. */
  next(error: number): number {
    const { growOrder, columns } = this.#state;
    if (error > 0) {
      while (this.#right >= 0) {
        const column = growOrder[this.#right--]!;
        if (this.#is(column, 1)) return column;
      }
    } else {
      while (this.#left < columns) {
        const column = growOrder[this.#left++]!;
        if (this.#is(column, -1)) return column;
      }
    }
    return -1;
  }

  #is(column: number, sign: 1 | -1): boolean {
    const { flags, contribution } = this.#state;
    return flags[column] === 1 && contribution[column]! * sign > 0;
  }
}
