import { type Payload, pack, unpack } from '../report/payload.js';
import type { ReportRequest } from '../report/report.js';
import { type Details, keptTokens } from '../report/trim.js';
import type { ResultRecord } from '../result.js';
import type { LivePart } from './live.js';
import { summarize, unpackSummaries } from './summaries.js';

/** Sweeps with more results than this carry quantiles of their times between tokens, and not every one of them. */
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

/** @returns the same as parts of a report, in the form that its details ask for. */
export function packParts(
  records: readonly ResultRecord[],
  request: ReportRequest,
  details: Pick<Details, 'tokenSeconds'>,
): LivePart[] {
  if (details.tokenSeconds !== 0) return [packLive(records, request, details)];
  // Drift is judged by every repeat of the controls, so those are given as they are.
  const [measured, controls] = [true, false].map((measures) =>
    records.filter(({ sweep }) => (sweep.purpose === 'measure') === measures),
  );
  return [
    ...(measured?.length ? [summarize(measured)] : []),
    ...(controls?.length ? [packLive(controls, request, { tokenSeconds: 'all' })] : []),
  ];
}

export function unpackPart(part: LivePart): ResultRecord[] {
  return 'kind' in part ? unpackSummaries(part) : unpack(part);
}
