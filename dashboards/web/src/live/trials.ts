import type { LiveReport, LiveResult } from '../../../../core/live/live.js';
import { unpack } from '../../../../core/report/payload.js';
import { buildReport, type Report } from '../../../../core/report/report.js';
import type { Details } from '../../../../core/report/trim.js';
import type { ResultRecord } from '../../../../core/result.js';

export interface FollowedReport {
  readonly report: Report;
  readonly details: Details;
}

/** New results are shown together, at most this often; reports of many rows take their time, so less often. */
const LEAST_MILLISECONDS = 300;
/** Share of the time that building reports may take. */
const SHARE = 0.2;

/** All trials of one sweep as they come, and the report of them. */
export class FollowedTrials {
  readonly #show: (followed: FollowedReport) => void;
  readonly #records = new Map<string, ResultRecord>();
  /** Results that came while the report was on its way. */
  #base: LiveReport | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #cost = 0;

  constructor(show: (followed: FollowedReport) => void) {
    this.#show = show;
  }

  /** Starts from a report; results that came before it, and are not in it, are kept. */
  begin(base: LiveReport): void {
    const early = [...this.#records.values()];
    this.#records.clear();
    for (const record of unpack(base.payload)) this.#records.set(record.trialId, record);
    for (const record of early) {
      if (!this.#records.has(record.trialId)) this.#records.set(record.trialId, record);
    }
    this.#base = base;
    this.#build();
  }

  /** A trial that is told twice is one. */
  add(result: LiveResult): void {
    if (this.#records.has(result.trialId)) return;
    for (const record of unpack(result.payload)) this.#records.set(record.trialId, record);
    this.#timer ??= setTimeout(() => this.#build(), Math.max(LEAST_MILLISECONDS, this.#cost / SHARE));
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Forgets everything: the log is another one. */
  reset(): void {
    this.close();
    this.#records.clear();
    this.#base = null;
  }

  #build(): void {
    this.close();
    if (this.#base === null) return;
    const { payload } = this.#base;
    const start = performance.now();
    const report = buildReport([...this.#records.values()], payload);
    this.#cost = performance.now() - start;
    this.#show({ report, details: payload.details });
  }
}
