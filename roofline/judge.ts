import type { ResultRecord, TrialFacts } from '../core/result/result.js';
import type { Judgement } from '../judgement/evidence.js';
import { judgeWith, recomputeWith } from '../judgement/judge.js';
import { placeRow } from './place-row.js';

/** The judge of judgement with each row placed under its roofs: what writes records. */
export function judge(facts: TrialFacts): Judgement {
  return judgeWith(placeRow, facts);
}

/**
 * Judges a record again from its raw readings, its row placed anew.
 * @returns the record as it is where it does not hold them all.
 */
export function recompute(record: ResultRecord): ResultRecord {
  return recomputeWith(placeRow, record);
}
