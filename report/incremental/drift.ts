import { type Drift, driftOf, type StartSpeeds, speedsOf } from '../../core/judgement/drift.js';
import type { ResultRecord } from '../../core/result/result.js';

/** Whether the machine drifted, judged again only when something came. */
export class DriftTally {
  readonly #starts: StartSpeeds[] = [];
  #judged = 0;
  #drift: Drift | null = null;

  add(record: ResultRecord): void {
    const speeds = speedsOf(record);
    if (speeds !== null) this.#starts.push(speeds);
  }

  drift(): Drift | null {
    if (this.#judged !== this.#starts.length) this.#drift = driftOf(this.#starts);
    this.#judged = this.#starts.length;
    return this.#drift;
  }
}
