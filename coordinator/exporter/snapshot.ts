import { FAILURES } from '../../core/errors.js';
import type { POINT_STATES } from '../../core/metrics/exported.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Registry } from '../registry/registry.js';
import type { LeaseState, NodeState, SweepState } from '../scheduler/state.js';
import { sweepStatus } from '../scheduler/status.js';
import { type RankedResult, rankResults } from './ranking.js';
import type { WindowResult } from './window.js';

/** What is true at the moment of a scrape. */
export interface Snapshot {
  readonly results: readonly RankedResult[];
  readonly sweeps: readonly SweepProgress[];
  readonly nodes: readonly NodePresence[];
  readonly leases: readonly Pick<LeaseState, 'node' | 'purpose'>[];
  readonly leading: boolean;
  readonly logEntries: number;
  readonly logWritable: boolean;
  /** Appends that the log refused since the start. */
  readonly logRefused: number;
  readonly granted: Readonly<Record<LeaseState['purpose'], number>>;
  readonly lost: number;
}

export interface SweepProgress {
  readonly sweep: string;
  readonly points: Readonly<Record<(typeof POINT_STATES)[number], number>>;
  readonly reused: number;
  readonly impossible: number;
  /** null before the first trial has ended. */
  readonly trialSeconds: number | null;
  /** Points by the code of a warning, and by failure code. */
  readonly invalidBy: ReadonlyMap<string, number>;
  readonly failedBy: ReadonlyMap<string, number>;
}

interface NodePresence {
  readonly node: string;
  readonly up: boolean;
  /** null while it is not connected. */
  readonly devices: Readonly<Record<'busy' | 'waiting' | 'idle', number>> | null;
}

export const EMPTY: Snapshot = {
  results: [],
  sweeps: [],
  nodes: [],
  leases: [],
  leading: false,
  logEntries: 0,
  logWritable: false,
  logRefused: 0,
  granted: { measure: 0, control: 0 },
  lost: 0,
};

/** Sweeps whose progress is exported: the newest ones. */
const SWEEPS = 50;

export interface Sources {
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly shown: readonly WindowResult[];
  /** Codes of the warnings that made a trial invalid. */
  readonly invalidCodesOf: (trialId: string) => readonly string[];
  /** Nodes not seen since then have gone for good. Milliseconds since 1970. */
  readonly goneBefore: number;
}

export function takeSnapshot({ dispatcher, registry, shown, invalidCodesOf, goneBefore }: Sources): Snapshot {
  const { state } = dispatcher;
  const leases = [...state.leases.values()];
  return {
    results: rankResults(shown, (sweepId) => state.sweeps.get(sweepId)?.view.objectives ?? []),
    sweeps: [...state.sweeps.values()]
      .slice(-SWEEPS)
      .map((sweep) => progressOf(sweep, leases, invalidCodesOf)),
    nodes: registry
      .entries()
      .filter(({ session, lastSeenAt, state: reported }) => {
        // A node that left on purpose is not missing; one that went silent is, for a while.
        return session !== null || (reported !== 'left' && Date.parse(lastSeenAt) >= goneBefore);
      })
      .map(({ profile, session }) => ({
        node: profile.name,
        up: session !== null,
        devices: session === null ? null : devicesOf(state.nodes.get(profile.name)),
      })),
    leases,
    leading: dispatcher.leads,
    logEntries: dispatcher.position,
    logWritable: dispatcher.logHealth.failure === null,
    logRefused: dispatcher.logHealth.refusedAppends,
    granted: state.granted,
    lost: state.lost,
  };
}

function progressOf(
  sweep: SweepState,
  leases: readonly LeaseState[],
  invalidCodesOf: Sources['invalidCodesOf'],
): SweepProgress {
  const { sweepId, name, queued, complete, failed, invalid, reused, trialSeconds } = sweepStatus(sweep);
  const leased = leases.filter((lease) => lease.purpose === 'measure' && lease.sweepId === sweepId).length;
  const running = Math.min(queued, leased);
  const waiting = queued - running;
  const held = sweep.cancelled ? 'cancelled' : sweep.paused === null ? 'queued' : 'paused';
  return {
    sweep: name,
    points: {
      queued: 0,
      paused: 0,
      running,
      complete,
      failed,
      invalid,
      cancelled: 0,
      [held]: waiting,
    },
    reused,
    impossible: sweep.view.impossible,
    trialSeconds,
    ...reasons(sweep, invalidCodesOf),
  };
}

function reasons(
  sweep: SweepState,
  invalidCodesOf: Sources['invalidCodesOf'],
): Pick<SweepProgress, 'invalidBy' | 'failedBy'> {
  const invalidBy = new Map<string, number>();
  const failedBy = new Map<string, number>();
  const count = (counts: Map<string, number>, code: string) => counts.set(code, (counts.get(code) ?? 0) + 1);
  for (const queue of sweep.queues.values()) {
    if (queue.counts.invalid + queue.counts.failed === 0) continue;
    for (const { state, trialId, reason } of queue.settled.values()) {
      if (state === 'failed') count(failedBy, failureCode(reason));
      else if (state === 'invalid') for (const code of invalidCodesOf(trialId ?? '')) count(invalidBy, code);
    }
  }
  return { invalidBy, failedBy };
}

/** A reason begins with its code where a trial failed; where no node could take the point it does not. */
function failureCode(reason: string | null): string {
  const [code = ''] = (reason ?? '').split(':');
  return code in FAILURES ? code : 'unplaced';
}

function devicesOf(node: NodeState | undefined): NonNullable<NodePresence['devices']> {
  const counts = { busy: 0, waiting: 0, idle: 0 };
  for (const slot of node?.slots.values() ?? []) {
    counts[slot.trialId !== null ? 'busy' : slot.waiting ? 'waiting' : 'idle'] += 1;
  }
  return counts;
}
