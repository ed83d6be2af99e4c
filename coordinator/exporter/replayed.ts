import type { Dispatcher } from '../dispatcher.js';
import type { ResultHead } from '../log/log.js';
import { counts } from '../results.js';

/** Invalid rows must not be compared, so they are counted and not shown; nor are drift controls. */
export function isShown({ status, valid, sweep }: ResultHead): boolean {
  return status === 'complete' && valid && sweep.purpose === 'measure';
}

/** @returns what a newer result of the same experiment on the same device takes the place of. */
export function placeKey({ experimentId, node, device }: ResultHead): string {
  return `${experimentId}\n${node.name}\n${device.id}`;
}

/** Of so many results, at least, those are chosen that are shown at first. */
const NEWEST = 8192;

/**
 * Results that a log had at the start, as far as they can be shown: which of them are is known when all are
 * read. A log has a million.
 */
export class Replayed {
  readonly #newest: { readonly head: ResultHead; readonly position: number }[] = [];
  /** Of all, by their sweeps. */
  readonly #entries = new Map<string, number[]>();
  readonly #taken = new Set<number>();

  /** In the log's order. */
  add(head: ResultHead, position: number): void {
    if (!isShown(head)) return;
    this.#newest.push({ head, position });
    if (this.#newest.length === 2 * NEWEST) this.#newest.splice(0, NEWEST);
    const entries = this.#entries.get(head.sweep.id);
    if (entries === undefined) this.#entries.set(head.sweep.id, [position]);
    else entries.push(position);
  }

  /**
   * @returns entries of all results that count of the `limit` experiments that were measured last, oldest
   *   first.
   */
  newest(dispatcher: Dispatcher, limit: number): number[] {
    const found: number[] = [];
    const places = new Set<string>();
    for (let i = this.#newest.length - 1; i >= 0; i -= 1) {
      const { head, position } = this.#newest[i]!;
      const place = placeKey(head);
      if ((places.size >= limit && !places.has(place)) || !counts(dispatcher, head)) continue;
      places.add(place);
      found.push(position);
      this.#taken.add(position);
    }
    return found.reverse();
  }

  /** @returns entries of all others whose sweep has objectives, oldest first. */
  older({ state }: Dispatcher): number[] {
    const wanted = [...this.#entries].flatMap(([sweepId, entries]) => {
      const objectives = state.sweeps.get(sweepId)?.view.objectives ?? [];
      return objectives.length > 0 ? entries.filter((position) => !this.#taken.has(position)) : [];
    });
    return wanted.sort((a, b) => a - b);
  }
}
