import { type Payload, pack } from '../report/payload.js';
import type { ReportRequest } from '../report/report.js';
import { type Details, keptTokens } from '../report/trim.js';
import type { ResultRecord } from '../result.js';

/** Sweeps with more results than this carry quantiles of their times between tokens, and not every one of them. */
const MANY = 400;
const QUANTILES = 101;

/** @returns how much detail of each trial a page that follows a sweep of so many results is given. */
export function liveDetails(results: number): Details {
  // Readings are asked for when a row is opened: none is left out.
  return { tokenSeconds: results > MANY ? QUANTILES : 'all', samples: 'all' };
}

/**
 * Packs trials for a page that follows a sweep, without the raw readings, which are most of a record. Which of them
 * rows will quote can change with the next one, so all that measure keep their numbers.
 */
export function packLive(
  records: readonly ResultRecord[],
  request: ReportRequest,
  details: Pick<Details, 'tokenSeconds'>,
): Payload {
  const measured = records.filter((record) => record.sweep.purpose === 'measure');
  const kept = records.map((record) => ({
    ...record,
    samples: [],
    tokenSeconds: keptTokens(record, details),
  }));
  return pack(kept, new Set(measured.map((record) => record.trialId)), request);
}
