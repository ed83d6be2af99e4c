import type { ResultRecord } from '../../../../core/result/result.js';
import { IncrementalReport } from '../../../../report/incremental/report.js';
import type { LiveReport, LiveResult } from '../../../../report/live/live.js';
import { unpackPart } from '../../../../report/live/pack.js';
import type { Report } from '../../../../report/report.js';
import type { Details } from '../../../../report/trim.js';

export interface FollowedReport {
  readonly report: Report;
  readonly details: Details;
}

/** New results are shown together, at most this often. */
const LEAST_MILLISECONDS = 200;
/** Share of the time that showing them may take: the rest is the reader's. */
const SHARE = 0.2;
const LONGEST_WAIT_MILLISECONDS = 3_000;

/** All trials of one sweep as they come, and the report of them. */
export class FollowedTrials {
  readonly #show: (followed: FollowedReport) => void;
  readonly #known = new Set<string>();
  /** Results that came while the report was on its way. */
  #early: ResultRecord[] = [];
  #followed: { readonly growing: IncrementalReport; readonly details: Details } | null = null;
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
    const early = this.#early;
    this.reset();
    this.#followed = { growing: new IncrementalReport(base), details: base.details };
    for (const part of base.parts) this.#add(unpackPart(part));
    this.#add(early);
    this.#build();
  }

  /** A trial that is told twice is one. */
  add(result: LiveResult): void {
    this.#add(unpackPart(result.payload));
    this.#scheduleBuild();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Forgets everything: the log is another one. */
  reset(): void {
    this.close();
    this.#known.clear();
    this.#early = [];
    this.#followed = null;
  }

  #add(records: readonly ResultRecord[]): void {
    const fresh = records.filter(({ trialId }) => !this.#known.has(trialId));
    for (const { trialId } of fresh) this.#known.add(trialId);
    if (this.#followed === null) this.#early.push(...fresh);
    else this.#followed.growing.add(fresh);
  }

  #build(): void {
    this.close();
    if (this.#followed === null) return;
    const { growing, details } = this.#followed;
    const start = performance.now();
    this.#show({ report: growing.report(), details });
    // The page is drawn before the next frame but one begins; until then no other report is worth building.
    this.#drawing = true;
    afterFrames(2, () => {
      this.#cost = performance.now() - start;
      this.#drawing = false;
      if (this.#late) this.#scheduleBuild();
    });
  }

  #scheduleBuild(): void {
    this.#late = this.#drawing;
    if (this.#drawing || this.#timer !== null) return;
    const wait = Math.max(LEAST_MILLISECONDS, this.#cost / SHARE);
    this.#timer = setTimeout(() => this.#build(), Math.min(LONGEST_WAIT_MILLISECONDS, wait));
  }
}

/**
 * Calls when so many frames have been drawn; a page in the background draws none, and costs nothing either.
 */
function afterFrames(count: number, then: () => void): void {
  if (document.hidden) setTimeout(then, 0);
  else requestAnimationFrame(() => (count > 1 ? afterFrames(count - 1, then) : setTimeout(then, 0)));
}
