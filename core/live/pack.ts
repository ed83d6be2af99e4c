import { type Payload, pack } from '../report/payload.js';
import type { ReportRequest } from '../report/report.js';
import type { ResultRecord } from '../result.js';

/** @returns the record without its raw readings, which are most of it; the whole one can be asked for. */
export function withoutReadings(record: ResultRecord): ResultRecord {
  return { ...record, samples: [] };
}

/**
 * Packs trials for a page that follows a sweep. Which of them rows will quote can change with the next one, so all
 * that measure keep their numbers.
 */
export function packLive(records: readonly ResultRecord[], request: ReportRequest): Payload {
  const measured = records.filter((record) => record.sweep.purpose === 'measure');
  return pack(records.map(withoutReadings), new Set(measured.map((record) => record.trialId)), request);
}
