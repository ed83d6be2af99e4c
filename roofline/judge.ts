import type { ResultRecord, TrialFacts } from '../core/result/result.js';
import type { Judgement } from '../judgement/evidence.js';
import { judgeWith, recomputeWith } from '../judgement/judge.js';
import { placeRow } from './place-row.js';

/**
 * Judges a trial, and places its row under the roofs of its machine. All records are written with this judge.
 */
export function judge(facts: TrialFacts): Judgement {
  return judgeWith(placeRow, facts);
}

/**
 * Judges a record again from its raw readings, and places its row again.
 * @returns the record unchanged if it does not contain all readings.
 */
export function recompute(record: ResultRecord): ResultRecord {
  return recomputeWith(placeRow, record);
}
