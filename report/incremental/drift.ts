import type { ResultRecord } from '../../core/result/result.js';
import { type Drift, driftOf, type StartSpeeds, speedsOf } from '../../judgement/drift.js';

/** Whether the machine drifted, judged when somebody asks and something came since. */
export class DriftTally {
  readonly #starts: StartSpeeds[] = [];
  #judged = 0;
  #drift: Drift | null = null;

  /** Starts so far. */
  get count(): number {
    return this.#starts.length;
  }

  add(record: ResultRecord): void {
    const speeds = speedsOf(record);
    if (speeds !== null) this.#starts.push(speeds);
  }

  /** @param count of the first starts that are judged. */
  drift(count: number): Drift | null {
    if (this.#judged !== count) this.#drift = driftOf(this.#starts.slice(0, count));
    this.#judged = count;
    return this.#drift;
  }
}
