import { useEffect, useRef, useState } from 'preact/hooks';
import type {
  LiveNode,
  LiveReport,
  LiveStanding,
  LiveSweep,
  LiveTrial,
} from '../../../../report/live/live.js';
import { askJson, Refusal } from './api.js';
import { type Connection, follow } from './follow.js';
import { type FollowedReport, FollowedTrials } from './trials.js';

export interface Live {
  readonly connection: Connection;
  /** Which of several coordinators leads; null = not told. */
  readonly standing: LiveStanding | null;
  /** Web views of the other coordinators. */
  readonly others: readonly string[];
  /** Whether sweeps may be submitted, paused and cancelled here. */
  readonly writes: boolean;
  /** null = not told yet. */
  readonly sweeps: readonly LiveSweep[] | null;
  readonly nodes: readonly LiveNode[] | null;
  readonly running: readonly LiveTrial[];
  /** Of the sweep that is looked at; null = none, or not here yet. */
  readonly followed: FollowedReport | null;
}

const NOTHING: Live = {
  connection: { state: 'connecting' },
  standing: null,
  others: [],
  writes: false,
  sweeps: null,
  nodes: null,
  running: [],
  followed: null,
};

/**
 * Everything the coordinator tells, over one stream.
 * @param sweepId whose results are followed; null = none
 * @param attempt another number starts again: the reader has given a token
 */
export function useLive(sweepId: string | null, attempt: number): Live {
  const [live, setLive] = useState<Live>(NOTHING);
  const shown = useRef(sweepId);
  useEffect(() => {
    const gone = new AbortController();
    const set = (change: Partial<Live>): void => {
      if (!gone.signal.aborted) setLive((before) => ({ ...before, ...change }));
    };
    const trials = new FollowedTrials((followed) => set({ followed }));
    set({ connection: { state: 'connecting' }, ...(shown.current !== sweepId && { followed: null }) });
    shown.current = sweepId;
    let asked = false;
    // The stream is open by then, so whatever the report lacks is told by it.
    const begin = (): void => {
      if (sweepId === null || asked) return;
      asked = true;
      askJson<LiveReport>(`sweeps/${encodeURIComponent(sweepId)}/report`, gone.signal).then(
        (report) => trials.begin(report),
        (error: unknown) => {
          asked = false;
          if (!(error instanceof Refusal) || gone.signal.aborted) return;
          set({ connection: { state: 'refused', status: error.status, reason: error.message } });
        },
      );
    };
    const query = sweepId === null ? 'results=none' : `sweep=${encodeURIComponent(sweepId)}`;
    void follow(
      query,
      {
        connection: (connection) => set({ connection }),
        event: (event) => {
          switch (event.event) {
            case 'hello':
              set({ writes: event.data.writes, others: event.data.otherWebUrls ?? [] });
              if (event.data.reset) {
                trials.reset();
                asked = false;
              }
              begin();
              return;
            case 'leader':
              return set({ standing: event.data });
            case 'sweeps':
              return set({ sweeps: event.data });
            case 'nodes':
              return set({ nodes: event.data });
            case 'running':
              return set({ running: event.data });
            case 'result':
              return trials.add(event.data);
          }
        },
      },
      gone.signal,
    );
    return () => {
      gone.abort();
      trials.close();
    };
  }, [sweepId, attempt]);
  return live;
}
