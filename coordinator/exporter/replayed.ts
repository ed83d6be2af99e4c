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

/** Results that a log had at the start, as far as they can be shown: which of them are is known when all are read. */
export class Replayed {
  readonly #heads: { readonly head: ResultHead; readonly position: number }[] = [];
  readonly #taken = new Set<number>();

  /** In the log's order. */
  add(head: ResultHead, position: number): void {
    if (isShown(head)) this.#heads.push({ head, position });
  }

  /** @returns entries of all results that count of the `limit` experiments that were measured last, oldest first. */
  newest(dispatcher: Dispatcher, limit: number): number[] {
    const found: number[] = [];
    const places = new Set<string>();
    for (let i = this.#heads.length - 1; i >= 0; i -= 1) {
      const { head, position } = this.#heads[i]!;
      const place = placeKey(head);
      if ((places.size >= limit && !places.has(place)) || !counts(dispatcher, head)) continue;
      places.add(place);
      found.push(position);
      this.#taken.add(position);
    }
    return found.reverse();
  }

  /** @returns entries of all others that count and whose sweep has objectives, oldest first. */
  older(dispatcher: Dispatcher): number[] {
    return this.#heads.flatMap(({ head, position }) => {
      const objectives = dispatcher.state.sweeps.get(head.sweep.id)?.view.objectives ?? [];
      const wanted = objectives.length > 0 && !this.#taken.has(position) && counts(dispatcher, head);
      return wanted ? [position] : [];
    });
  }
}
