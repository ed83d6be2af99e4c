import type { ResultRecord } from '../../core/result/result.js';
import { type Payload, pack, unpack } from '../payload.js';
import type { ReportRequest } from '../report.js';
import { type Details, keptTokens } from '../trim.js';
import type { LivePart } from './live.js';
import { Summarizer, unpackSummaries } from './summaries.js';

/**
 * Sweeps with more results than this carry quantiles of their times between tokens, and not every one of
 * them.
 */
const MANY = 400;
const QUANTILES = 101;
/** Sweeps with more results than this are given as summaries. */
const SUMMARIZED = 2000;

/** @returns how much detail of each trial a page that follows a sweep of so many results is given. */
export function liveDetails(results: number): Details {
  // Readings are asked for when a row is opened: none is left out.
  if (results > SUMMARIZED) return { tokenSeconds: 0, samples: 'all' };
  return { tokenSeconds: results > MANY ? QUANTILES : 'all', samples: 'all' };
}

/**
 * Packs trials for a page that follows a sweep, without the raw readings, which are most of a record. Which
 * of them rows will quote can change with the next one, so all that measure keep their numbers.
 */
export function packLive(
  records: readonly ResultRecord[],
  request: ReportRequest,
  details: Pick<Details, 'tokenSeconds'>,
): Payload {
  const measured = records.filter((record) => record.sweep.purpose === 'measure');
  // Requests are asked for like readings.
  const lean = records.map(
    ({ serving: _, ...record }): ResultRecord => ({
      ...record,
      samples: [],
      tokenSeconds: keptTokens(record, details),
    }),
  );
  return pack(lean, new Set(measured.map((record) => record.trialId)), request);
}

/** Packs trials that come one by one as parts of a report, in the form that its details ask for. */
export class PartPacker {
  readonly #request: ReportRequest;
  readonly #details: Pick<Details, 'tokenSeconds'>;
  readonly #summarizer: Summarizer | null;
  #whole: ResultRecord[] = [];

  constructor(request: ReportRequest, details: Pick<Details, 'tokenSeconds'>) {
    this.#request = request;
    this.#details = details;
    this.#summarizer = details.tokenSeconds === 0 ? new Summarizer() : null;
  }

  /** Trials that are not in a part yet. */
  get count(): number {
    return this.#whole.length + (this.#summarizer?.count ?? 0);
  }

  add(record: ResultRecord): void {
    // Drift is judged by every repeat of the controls, so those are given as they are.
    if (this.#summarizer !== null && record.sweep.purpose === 'measure') this.#summarizer.add(record);
    else this.#whole.push(record);
  }

  /** @returns parts with what came since the last time. */
  take(): LivePart[] {
    const whole = this.#whole;
    this.#whole = [];
    const details = this.#summarizer === null ? this.#details : { tokenSeconds: 'all' as const };
    return [
      ...(this.#summarizer?.count ? [this.#summarizer.take()] : []),
      ...(whole.length > 0 ? [packLive(whole, this.#request, details)] : []),
    ];
  }
}

export function unpackPart(part: LivePart): ResultRecord[] {
  return 'kind' in part ? unpackSummaries(part) : unpack(part);
}
