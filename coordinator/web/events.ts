import type { ResultRecord } from '../../core/result/result.js';
import type { LiveResult, LiveStanding } from '../../report/live/live.js';
import { packLive } from '../../report/live/pack.js';
import { type Seer, seesSweep } from '../api/visible.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Leadership } from '../leadership.js';
import type { Log } from '../log/log.js';
import { storedResults } from '../results.js';
import type { Changes } from './changes.js';
import type { EventStream } from './event-stream.js';

export interface EventsQuery {
  /** Whose results are sent: of one sweep, of all, or of none. */
  readonly results: { readonly sweepId: string | null } | null;
  /** Entry of the log after which results are sent; null = only those to come. */
  readonly after: number | null;
}

export interface EventSources {
  readonly log: Log;
  readonly dispatcher: Dispatcher;
  readonly changes: Changes;
  readonly who: Seer;
  readonly version: string;
  readonly writes: boolean;
  readonly otherWebUrls: readonly string[];
}

/** @returns whether this coordinator leads, and who does. */
export function standingOf({ leads, leader }: Leadership): LiveStanding {
  return { leads, leader: leader && { address: leader.grpc, webUrl: leader.web } };
}

/** Streams everything that happens to one reader, until it disconnects. */
export async function tellEvents(
  stream: EventStream,
  { log, dispatcher, changes, who, version, writes, otherWebUrls }: EventSources,
  { results, after }: EventsQuery,
): Promise<void> {
  // A reader that was connected to another coordinator may have seen entries that this one has not read yet.
  if (after !== null && after > dispatcher.position) await dispatcher.catchUp();
  const { position } = dispatcher;
  // An id beyond the end of this log is from another log: its reader has to start again.
  const reset = after !== null && after > position;
  await stream.send('hello', { version, position, reset, writes, otherWebUrls });
  const tell = async (): Promise<void> => {
    if (results === null) return;
    const sees = (id: string) => seesSweep(dispatcher, who, id);
    const query = { sweepId: results.sweepId, sees, follow: true, allTrials: true, detail: 'full' as const };
    const from = reset ? 0 : (after ?? position);
    for await (const entry of storedResults(log, dispatcher, query, from, stream.signal)) {
      const record = entry.record();
      const sweepId = results.sweepId ?? record.sweep.id;
      await stream.send('result', resultOf(dispatcher, sweepId, record), entry.position);
    }
  };
  const show = async (): Promise<void> => {
    for await (const { kind, json } of changes.follow(stream.signal)) await stream.sendText(kind, json);
  };
  const stand = async (): Promise<void> => {
    while (!stream.signal.aborted) {
      const changed = dispatcher.leadership.changes.wait(stream.signal);
      await stream.send('leader', standingOf(dispatcher.leadership));
      await changed;
    }
  };
  await Promise.all([tell(), show(), stand()]);
}

function resultOf(dispatcher: Dispatcher, sweepId: string, record: ResultRecord): LiveResult {
  const view = dispatcher.state.sweeps.get(sweepId)?.view;
  const request = { sweepName: view?.name ?? record.sweep.name, objectives: view?.objectives ?? [] };
  return { sweepId, trialId: record.trialId, payload: packLive([record], request, { tokenSeconds: 'all' }) };
}
