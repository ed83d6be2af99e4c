import type { ResultRecord, TrialFacts } from '../core/result/result.js';
import type { Evidence, Judgement } from '../judgement/evidence.js';
import { judgeWith, recomputeWith } from '../judgement/judge.js';
import { placeRow } from '../roofline/place-row.js';
import { withSimulation } from './own-row.js';

/** Places a row under the roofs of its machine, with what users of a server here were to meet. */
function place(evidence: Evidence): ReturnType<typeof placeRow> {
  const placed = placeRow(evidence);
  return typeof placed === 'string' ? placed : withSimulation(placed, evidence.input);
}

/**
 * Judges a trial, and places its row under the roofs of its machine. All records are written with this judge.
 */
export function judge(facts: TrialFacts): Judgement {
  return judgeWith(place, facts);
}

/**
 * Judges a record again from its raw readings, and places its row again.
 * @returns the record unchanged if it does not contain all readings.
 */
export function recompute(record: ResultRecord): ResultRecord {
  return recomputeWith(place, record);
}
