import type { DsnotSettings } from '../../../../core/techniques/pruning/dsnot/settings.js';
import type { Mask } from '../../../../core/techniques/pruning/mask.js';
import { flip } from '../mask.js';
import type { ExchangeRow } from './row.js';

/**
 * The published exchange (github.com/zyxxmu/DSnoT at 4c029df, prune_DSnoT), bit for bit. All rows of a layer
 * step together until the last one has ended or `maxCycles` is reached, and rows that ended keep moving
 * through their lists without accounting: beyond the pruned weights of their sign they prune kept ones. How
 * long that goes on depends on every row, so each row runs on to `maxCycles` and writes down what it changed
 * after its end; `settle` then takes back what the layer as a whole would not have reached.
 */
export class ReferenceExchange {
  readonly #settings: DsnotSettings;
  readonly #threshold: number;
  /** row, cycle, column of every flag turned over after the row's end. */
  readonly #afterEnd: number[] = [];
  #layerCycles = 0;
  /** The first cycle in which the published code would read outside a list and fail. */
  #firstOutside = Number.POSITIVE_INFINITY;
  /**
   * The first cycle in which all of a group's weights had been taken: which of them torch names is not
   * defined.
   */
  #firstUndefined = Number.POSITIVE_INFINITY;
  steps = 0;

  constructor(settings: DsnotSettings) {
    this.#settings = settings;
    this.#threshold = Math.fround(settings.updateThreshold);
  }

  /** Unstructured: exchanges the row's flags in place. */
  exchange(state: ExchangeRow, row: number): void {
    const { growOrder, pruneOrder, contribution, flags } = state;
    const sign = Math.sign(state.error);
    let growLeft = 0;
    let growRight = state.columns - 1;
    let pruneLeft = 0;
    let pruneRight = state.kept - 1;
    let error = state.error;
    let alive = true;
    for (let cycle = 1; cycle <= this.#settings.maxCycles; cycle++) {
      const grown = growOrder[error > 0 ? growRight-- : growLeft++];
      const prunedAt = error < 0 ? pruneRight-- : pruneLeft++;
      if (grown === undefined || prunedAt < 0 || prunedAt >= state.kept) {
        this.#leave(cycle, alive);
        break;
      }
      const pruned = pruneOrder[prunedAt]!;
      const after = step(error, contribution[pruned]!, contribution[grown]!);
      const accepted: boolean =
        alive &&
        Math.abs(error) > this.#threshold &&
        (this.#settings.withoutSameSign || Math.sign(after) === sign);
      this.#write(flags, pruned, accepted ? 1 : 0, alive, row, cycle);
      this.#write(flags, grown, accepted ? 0 : 1, alive, row, cycle);
      if (alive) this.#layerCycles = Math.max(this.#layerCycles, cycle);
      alive = accepted;
      if (!alive) continue;
      error = after;
      this.steps++;
    }
    state.error = error;
  }

  /**
   * Grouped: the weight to prune is the least of the regrown weight's group by the score of the initial mask;
   * a weight is taken at most once.
   * @param scores the row's initial scores, spoiled here.
   */
  exchangeGrouped(state: ExchangeRow, row: number, scores: Float32Array, group: number): void {
    const { growOrder, contribution, flags } = state;
    const sign = Math.sign(state.error);
    for (let j = 0; j < state.columns; j++) if (flags[j] === 1) scores[j] = Number.POSITIVE_INFINITY;
    let left = 0;
    let right = state.columns - 1;
    let error = state.error;
    let alive = true;
    for (let cycle = 1; cycle <= this.#settings.maxCycles; cycle++) {
      const grown = growOrder[error > 0 ? right-- : left++];
      if (grown === undefined) {
        this.#leave(cycle, alive);
        break;
      }
      const start = grown - (grown % group);
      let pruned = start;
      for (let j = start + 1; j < start + group; j++) if (scores[j]! < scores[pruned]!) pruned = j;
      if (scores[pruned] === Number.POSITIVE_INFINITY) {
        // torch.topk over equal infinities: the last but one on a CPU.
        pruned = start + Math.max(0, group - 2);
        this.#firstUndefined = Math.min(this.#firstUndefined, cycle);
      }
      const after = step(error, contribution[pruned]!, contribution[grown]!);
      const accepted: boolean = alive && Math.sign(after) === sign && Math.abs(error) > this.#threshold;
      scores[pruned] = Number.POSITIVE_INFINITY;
      this.#write(flags, pruned, accepted ? 1 : 0, alive, row, cycle);
      this.#write(flags, grown, accepted ? 0 : 1, alive, row, cycle);
      if (alive) this.#layerCycles = Math.max(this.#layerCycles, cycle);
      alive = accepted;
      if (!alive) continue;
      error = after;
      this.steps++;
    }
    state.error = error;
  }

  #write(flags: Uint8Array, column: number, value: 0 | 1, alive: boolean, row: number, cycle: number): void {
    if (flags[column] === value) return;
    flags[column] = value;
    if (!alive) this.#afterEnd.push(row, cycle, column);
  }

  #leave(cycle: number, alive: boolean): void {
    this.#firstOutside = Math.min(this.#firstOutside, cycle);
    if (alive) this.#layerCycles = Math.max(this.#layerCycles, cycle);
  }

  /** Takes back what rows did in cycles that the layer never ran, and says how far it ran. */
  settle(mask: Mask): { cycles: number; publishedCodeFails: boolean; undefinedChoice: boolean } {
    const log = this.#afterEnd;
    for (let i = log.length - 3; i >= 0; i -= 3) {
      if (log[i + 1]! > this.#layerCycles) flip(mask, log[i]!, log[i + 2]!);
    }
    return {
      cycles: this.#layerCycles,
      publishedCodeFails: this.#firstOutside <= this.#layerCycles,
      undefinedChoice: this.#firstUndefined <= this.#layerCycles,
    };
  }
}

/** (e + D_pruned) − D_grown with two single-precision roundings. */
export function step(error: number, pruned: number, grown: number): number {
  return Math.fround(Math.fround(error + pruned) - grown);
}
