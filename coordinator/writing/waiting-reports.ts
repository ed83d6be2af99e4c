import type { Event } from '../scheduler/commands.js';

export type ReportedEvent = Extract<Event, { event: 'reported' }>;

/** A report that waits to be written, and whoever waits for its answer. */
export interface WaitingReport<Answer> {
  readonly event: ReportedEvent;
  /** Of the record's JSON. */
  readonly bytes: number;
  resolve(answer: Answer): void;
  reject(reason: unknown): void;
}

/** Enough to share one sync among all who report while the one before is under way. */
const MOST_TOGETHER = 256;
/** A message of NATS holds 1 MB, compressed; a record that is larger than this is written alone. */
const MOST_BYTES = 1024 * 1024;

/**
 * Reports that wait for the log. Those that can be written in one append are taken together: of different
 * points, so that what is decided about each does not depend on the others.
 */
export class WaitingReports<Answer> {
  readonly #waiting: WaitingReport<Answer>[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  add(report: WaitingReport<Answer>): void {
    this.#waiting.push(report);
  }

  /** Takes away the oldest ones that may share an append, in their order. */
  take(): WaitingReport<Answer>[] {
    const points = new Set<string>();
    let bytes = 0;
    let count = 0;
    for (const report of this.#waiting) {
      const { sweep, node } = report.event.record;
      const point = JSON.stringify([sweep.id, sweep.position, node.name]);
      bytes += report.bytes;
      if (count > 0 && (count === MOST_TOGETHER || bytes > MOST_BYTES || points.has(point))) break;
      points.add(point);
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
