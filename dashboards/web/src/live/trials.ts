import type { LiveReport, LiveResult } from '../../../../core/live/live.js';
import { unpack } from '../../../../core/report/payload.js';
import { buildReport, type Report } from '../../../../core/report/report.js';
import type { Details } from '../../../../core/report/trim.js';
import type { ResultRecord } from '../../../../core/result.js';

import { millisecondsSinceInput } from './reader.js';

export interface FollowedReport {
  readonly report: Report;
  readonly details: Details;
}

/** New results are shown together, at most this often; reports of many rows take their time, so less often. */
const LEAST_MILLISECONDS = 300;
/** Share of the time that building reports and drawing them may take: the rest is the reader's. */
const SHARE = 0.2;
/** A report that takes longer than this to show is felt, so it waits until the reader's hand rests … */
const FELT_MILLISECONDS = 40;
const REST_MILLISECONDS = 600;
/** … but no longer than this. */
const LONGEST_WAIT_MILLISECONDS = 15_000;

/** All trials of one sweep as they come, and the report of them. */
export class FollowedTrials {
  readonly #show: (followed: FollowedReport) => void;
  readonly #records = new Map<string, ResultRecord>();
  /** Results that came while the report was on its way. */
  #base: LiveReport | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #cost = 0;
  #drawing = false;
  /** Something came while the page was drawing. */
  #late = false;

  constructor(show: (followed: FollowedReport) => void) {
    this.#show = show;
  }

  /** Starts from a report; results that came before it, and are not in it, are kept. */
  begin(base: LiveReport): void {
    const early = [...this.#records.values()];
    this.#records.clear();
    for (const record of base.parts.flatMap(unpack)) this.#records.set(record.trialId, record);
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
    this.#later();
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
    const { details } = this.#base;
    const start = performance.now();
    const report = buildReport([...this.#records.values()], this.#base);
    this.#show({ report, details });
    // Plots are drawn before the next frame but one begins; until then no other report is worth building.
    this.#drawing = true;
    afterFrames(2, () => {
      this.#cost = performance.now() - start;
      this.#drawing = false;
      if (this.#late) this.#later();
    });
  }

  #later(): void {
    this.#late = this.#drawing;
    if (this.#drawing) return;
    if (this.#timer !== null) return;
    const wait = Math.max(LEAST_MILLISECONDS, this.#cost / SHARE);
    this.#waitForRest(wait, performance.now() + wait + LONGEST_WAIT_MILLISECONDS);
  }

  #waitForRest(milliseconds: number, end: number): void {
    this.#timer = setTimeout(() => {
      const felt = this.#cost > FELT_MILLISECONDS && millisecondsSinceInput() < REST_MILLISECONDS;
      if (felt && performance.now() < end) this.#waitForRest(REST_MILLISECONDS / 2, end);
      else this.#build();
    }, milliseconds);
  }
}

/** Calls when so many frames have been drawn; a page in the background draws none, and costs nothing either. */
function afterFrames(count: number, then: () => void): void {
  if (document.hidden) setTimeout(then, 0);
  else requestAnimationFrame(() => (count > 1 ? afterFrames(count - 1, then) : setTimeout(then, 0)));
}
