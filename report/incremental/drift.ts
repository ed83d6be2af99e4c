import { type Drift, driftOf } from '../../core/judgement/drift.js';
import type { ResultRecord } from '../../core/result/result.js';

/** Whether the machine drifted, judged again only when something came. */
export class DriftTally {
  readonly #records: ResultRecord[] = [];
  #judged = 0;
  #drift: Drift | null = null;

  add(record: ResultRecord): void {
    this.#records.push(record);
  }

  drift(): Drift | null {
    if (this.#judged !== this.#records.length) this.#drift = driftOf(this.#records);
    this.#judged = this.#records.length;
    return this.#drift;
  }
}
