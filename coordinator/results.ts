import type { ResultRecord } from '../core/result/result.js';
import type { Dispatcher } from './dispatcher.js';
import { readRecord } from './log/detail.js';
import type { Detail, Log, LogEntry, ResultHead } from './log/log.js';
import { isDeletedTrial, successorsOf } from './scheduler/deleted-trials.js';
import { queueKey } from './scheduler/state.js';
import { readTrialId } from './scheduler/trial-id.js';

export interface ResultsQuery {
  /** null = of every sweep. */
  readonly sweepId: string | null;
  /** Whether whoever asks may know of a sweep; left out = of all. */
  readonly sees?: (sweepId: string) => boolean;
  /** Goes on with new results until the signal aborts. */
  readonly follow: boolean;
  /** Also drift controls, and attempts that were tried again. */
  readonly allTrials: boolean;
  /** `row` leaves out raw samples, see `Detail`. */
  readonly detail: Exclude<Detail, 'head'>;
}

/** A stored result as its JSON, which is parsed only for who wants the record. */
export interface StoredResult {
  /** Its entry of the log: what a reader resumes by. */
  readonly position: number;
  readonly json: string;
  record(): ResultRecord;
}

/**
 * Stored results after an entry of the log, oldest first: those that count for their point, or every trial
 * but those of a start that another gave.
 */
export async function* storedResults(
  log: Log,
  dispatcher: Dispatcher,
  query: ResultsQuery,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<StoredResult> {
  const { follow, detail } = query;
  const entries = follow ? log.follow(after, signal, detail) : log.read(after, detail);
  for await (const entry of entries) {
    // A follower can see an entry before the scheduler has taken it in; only then is it clear what counts.
    while (dispatcher.position < entry.position && !signal.aborted) await dispatcher.changes.wait(signal);
    if (signal.aborted) return;
    if (dispatcher.isDamaged(entry.position)) continue;
    const stored = await resultOf(log, dispatcher, entry, query);
    if (stored !== null) yield { ...stored, position: entry.position };
  }
}

/** @returns the record of a trial, or null when the log has none. */
export async function resultOfTrial(
  log: Log,
  dispatcher: Dispatcher,
  trialId: string,
  detail: ResultsQuery['detail'],
): Promise<StoredResult | null> {
  const position = dispatcher.entryOf(trialId);
  return position === undefined ? null : storedResult(await log.get(position, detail));
}

async function resultOf(
  log: Log,
  dispatcher: Dispatcher,
  entry: LogEntry,
  query: ResultsQuery,
): Promise<StoredResult | null> {
  const { head } = entry;
  if (head.fact === 'ResultRecorded') {
    if (query.sweepId !== null && head.record.sweep.id !== query.sweepId) return null;
    if (dispatcher.isDeleted(head.record.sweep.id, entry.position)) return null;
    if (query.sees?.(head.record.sweep.id) === false) return null;
    if (dispatcher.state.repeated.has(head.record.trialId)) return null;
    if (isSuperseded(dispatcher, head.record.trialId, head.record.sweep.id)) return null;
    return query.allTrials || counts(dispatcher, head.record) ? storedResult(entry) : null;
  }
  // Of every sweep: the trial is listed where it was recorded.
  if (head.fact !== 'ResultReused' || head.sweepId !== query.sweepId) return null;
  if (dispatcher.isDeleted(head.sweepId, entry.position)) return null;
  if (isSuperseded(dispatcher, head.trialId, head.sweepId)) return null;
  return await resultOfTrial(log, dispatcher, head.trialId, query.detail);
}

/** @returns whether another trial of the same sweep stands in a trial's place, with new answers. */
function isSuperseded({ state }: Dispatcher, trialId: string, sweepId: string): boolean {
  return successorsOf(state, trialId).some((other) => readTrialId(other)?.sweepId === sweepId);
}

function storedResult(entry: LogEntry): StoredResult | null {
  const { position, recordJson } = entry;
  if (recordJson === null) return null;
  return { position, json: recordJson, record: () => readRecord(recordJson) };
}

/**
 * @returns whether a record counts for its point: every valid start does, and where there is none what the
 *   point ended with.
 */
export function counts(dispatcher: Dispatcher, record: ResultHead): boolean {
  if (record.sweep.purpose !== 'measure' || isDeletedTrial(dispatcher.state, record.trialId)) return false;
  if (record.status === 'complete' && record.valid) return !dispatcher.state.repeated.has(record.trialId);
  const sweep = dispatcher.state.sweeps.get(record.sweep.id);
  if (sweep === undefined) return record.status === 'complete';
  const queue = sweep.queues.get(queueKey(sweep, record.node.name));
  return queue?.settled.get(record.sweep.position)?.trialId === record.trialId;
}
