import type { ResultRecord } from '../../core/result.js';

interface Kept {
  readonly record: ResultRecord;
  readonly since: number;
}

/**
 * The results that are exported right now. Two points of a sweep can differ in any option, so a series needs
 * the experiment's id to be told apart; but a label that grows with every experiment would ruin a Prometheus
 * server. So the id is a label, and what carries it is bounded: the newest `limit` results, each for at most
 * `keepSeconds`. Whoever wants history asks Prometheus, whoever wants all of it asks the log. What an id means
 * is said once, in `ridgepoint_experiment_info`, to be joined `on (experiment)`.
 */
export class ResultWindow {
  readonly #limit: number;
  readonly #keepSeconds: number;
  /** Oldest first; Map keeps the order of insertion. */
  readonly #kept = new Map<string, Kept>();

  constructor(limit: number, keepSeconds: number) {
    this.#limit = limit;
    this.#keepSeconds = keepSeconds;
  }

  /** A newer result of the same experiment on the same device takes the place of the older one. */
  add(record: ResultRecord, now: number): void {
    const key = `${record.experimentId}\n${record.node.name}\n${record.device.id}`;
    this.#kept.delete(key);
    this.#kept.set(key, { record, since: now });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limit) break;
      this.#kept.delete(oldest);
    }
  }

  /** @returns the results to export at this time, oldest first. */
  at(now: number): ResultRecord[] {
    for (const [key, { since }] of this.#kept) {
      if (now - since > this.#keepSeconds) this.#kept.delete(key);
    }
    return [...this.#kept.values()].map((kept) => kept.record);
  }
}
