import type { Objective, SearchBound } from '../../core/sweep/spec.js';
import { costsOf, dominates, recordFront } from '../../judgement/pareto.js';
import type { Entry } from './entry.js';

/** Where rows stand while others come: all are placed again only when the front itself moves. */
export class ParetoStatus {
  readonly #objectives: readonly Objective[];
  readonly #bounds: readonly SearchBound[];
  /** The front, by costs. */
  #front: { readonly entry: Entry; readonly costs: readonly number[] }[] = [];

  constructor(objectives: readonly Objective[], bounds: readonly SearchBound[]) {
    this.#objectives = objectives;
    this.#bounds = bounds;
  }

  /**
   * Marks every entry.
   * @param changed those whose trial is another than before
   */
  place(order: readonly Entry[], changed: readonly Entry[]): void {
    if (this.#objectives.length === 0) return;
    const few = changed.length * 8 < order.length;
    if (few && changed.every((entry) => this.#isDominated(entry))) return;
    const trials = order.flatMap(({ trial }) => trial ?? []);
    const marks = recordFront(trials, this.#objectives, this.#bounds);
    order.forEach((entry, i) => {
      const { onFront = false, dominatedBy = null, missing = null } = marks[i] ?? {};
      entry.mark = { onFront, dominatedBy: order[dominatedBy ?? -1] ?? null, missing };
    });
    this.#front = order
      .flatMap((entry) => {
        const costs = entry.mark?.onFront ? this.#costs(entry) : null;
        return costs === null || typeof costs === 'string' ? [] : [{ entry, costs }];
      })
      .sort((a, b) => compareCosts(a.costs, b.costs));
  }

  /** Marks an entry that leaves the front as it is, by the same winner that `recordFront` would name. */
  #isDominated(entry: Entry): boolean {
    if (entry.mark?.onFront) return false;
    const costs = this.#costs(entry);
    if (typeof costs === 'string') {
      entry.mark = { onFront: false, dominatedBy: null, missing: costs };
      return true;
    }
    const before = this.#front.filter((rival) => compareCosts(rival.costs, costs) <= 0);
    const rivals = this.#objectives.length <= 2 ? before.slice(-1) : before;
    const winner = rivals.find((rival) => dominates(rival.costs, costs));
    if (winner === undefined) return false;
    entry.mark = { onFront: false, dominatedBy: winner.entry, missing: null };
    return true;
  }

  #costs({ trial }: Entry): readonly number[] | string {
    return trial === null ? '' : costsOf(trial, this.#objectives, this.#bounds);
  }
}

function compareCosts(a: readonly number[], b: readonly number[]): number {
  for (let d = 0; d < a.length; d++) {
    const difference = (a[d] ?? 0) - (b[d] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
