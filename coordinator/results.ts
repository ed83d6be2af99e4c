import type { ResultRecord } from '../core/result.js';
import type { Conductor } from './conductor.js';
import type { Log, LogEntry } from './log/log.js';
import { trackKey } from './scheduler/state.js';

export interface ResultsQuery {
  /** null = of every sweep. */
  readonly sweepId: string | null;
  /** Goes on with new results until the signal aborts. */
  readonly follow: boolean;
  /** Also drift controls, attempts that were tried again, and extra trials. */
  readonly allTrials: boolean;
}

/** Stored results, oldest first: those that count for their point, or every trial. */
export async function* results(
  log: Log,
  conductor: Conductor,
  query: ResultsQuery,
  signal: AbortSignal,
): AsyncGenerator<ResultRecord> {
  for await (const { record } of resultEntries(log, conductor, query, 0, signal)) yield record;
}

/** Stored results with their entries of the log, those after `after`: what a reader resumes by. */
export async function* resultEntries(
  log: Log,
  conductor: Conductor,
  query: ResultsQuery,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<{ position: number; record: ResultRecord }> {
  const entries = query.follow ? log.follow(after, signal) : log.read(after);
  for await (const entry of entries) {
    // A follower can see an entry before the scheduler has taken it in; only then is it clear what counts.
    while (conductor.position < entry.position && !signal.aborted) await conductor.changes.wait(signal);
    if (signal.aborted) return;
    const record = await recordOf(log, conductor, entry, query);
    if (record !== null) yield { position: entry.position, record };
  }
}

/** @returns the record of a trial, or null when the log has none. */
export async function recordOfTrial(
  log: Log,
  conductor: Conductor,
  trialId: string,
): Promise<ResultRecord | null> {
  const position = conductor.entryOf(trialId);
  if (position === undefined) return null;
  for await (const { fact } of log.read(position - 1)) {
    return fact.fact === 'ResultRecorded' ? fact.record : null;
  }
  return null;
}

async function recordOf(
  log: Log,
  conductor: Conductor,
  { fact }: LogEntry,
  query: ResultsQuery,
): Promise<ResultRecord | null> {
  if (fact.fact === 'ResultRecorded') {
    const { record } = fact;
    if (query.sweepId !== null && record.sweep.id !== query.sweepId) return null;
    return query.allTrials || counts(conductor, record) ? record : null;
  }
  // Of every sweep: the trial is listed where it was recorded.
  if (fact.fact !== 'ResultReused' || fact.sweepId !== query.sweepId) return null;
  return await recordOfTrial(log, conductor, fact.trialId);
}

/** @returns whether a record is the one that counts for its point. */
export function counts(conductor: Conductor, record: ResultRecord): boolean {
  if (record.sweep.purpose !== 'measure') return false;
  const sweep = conductor.state.sweeps.get(record.sweep.id);
  if (sweep === undefined) return record.status === 'complete';
  const track = sweep.tracks.get(trackKey(sweep, record.node.name));
  return track?.settled.get(record.sweep.position)?.trialId === record.trialId;
}
