import { FAILURES } from '../../core/errors.js';
import type { POINT_STATES } from '../../core/metrics/exported.js';
import type { Grade } from '../../core/result/warnings.js';
import { DEFAULT_NAMESPACE } from '../../core/sweep/identity.js';
import type { PointName } from '../../core/sweep/labels.js';
import type { NamespaceStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import { namespaceStatuses } from '../api/namespaces.js';
import { awayState } from '../api/status.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Registry } from '../registry/registry.js';
import type { LeaseState, SchedulerState, SweepState } from '../scheduler/state.js';
import { type SweepStatus, sweepStatus } from '../scheduler/status.js';
import { longestWaits, type WaitReason } from '../scheduler/waits.js';
import { type RankedResult, rankResults } from './ranking.js';
import type { WindowResult } from './window.js';

/** What is true at the moment of a scrape. */
export interface Snapshot {
  readonly results: readonly RankedResult[];
  /** What sweeps call some of their points, by the id of the sweep. */
  readonly names: ReadonlyMap<string, readonly PointName[]>;
  readonly sweeps: readonly SweepProgress[];
  readonly namespaces: readonly NamespaceStatus[];
  readonly nodes: readonly NodePresence[];
  readonly leases: readonly Pick<LeaseState, 'node' | 'purpose'>[];
  readonly leading: boolean;
  readonly logEntries: number;
  readonly logWritable: boolean;
  /** Appends that the log refused since the start. */
  readonly logRefused: number;
  readonly granted: Readonly<Record<LeaseState['purpose'], number>>;
  readonly lost: number;
  /** Seconds, by what is waited for. */
  readonly waits: ReadonlyMap<WaitReason, number>;
}

export interface SweepProgress {
  readonly sweep: string;
  readonly points: Readonly<Record<(typeof POINT_STATES)[number], number>>;
  readonly reused: number;
  readonly impossible: number;
  /** null before the first trial has ended. */
  readonly trialSeconds: number | null;
  /** Points that have a number, or were measured in vain, by grade. */
  readonly grades: Readonly<Record<Grade, number>>;
  /** Points by each code of what disturbed them, or made them invalid, and by failure code. */
  readonly disturbedBy: SweepStatus['disturbedBy'];
  readonly invalidBy: SweepStatus['invalidBy'];
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
  names: new Map(),
  sweeps: [],
  namespaces: [],
  nodes: [],
  leases: [],
  leading: false,
  logEntries: 0,
  logWritable: false,
  logRefused: 0,
  granted: { measure: 0, control: 0, probe: 0, quality: 0 },
  lost: 0,
  waits: new Map(),
};

/** Sweeps whose progress is exported: the newest ones. */
const SWEEPS = 50;

export interface Sources {
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly shown: readonly WindowResult[];
  /** Nodes not seen since then have gone for good. Milliseconds since 1970. */
  readonly goneBefore: number;
  /** Monotonic seconds. */
  readonly now: number;
}

export function takeSnapshot({ dispatcher, registry, shown, goneBefore, now }: Sources): Snapshot {
  const { state } = dispatcher;
  const leases = [...state.leases.values()];
  return {
    results: rankResults(shown, (sweepId) => state.sweeps.get(sweepId)?.view),
    names: new Map([...state.sweeps.values()].map(({ view }) => [view.sweepId, view.names])),
    sweeps: [...state.sweeps.values()].slice(-SWEEPS).map((sweep) => progressOf(sweep, leases)),
    namespaces: namespaceStatuses(dispatcher),
    nodes: registry
      .entries()
      .filter(({ profile, session, lastSeenAt, state: stated }) => {
        if (session !== null) return true;
        // A drained node is not missing; one that went silent is, for a while.
        const holds = leases.some(({ node }) => node === profile.name);
        return awayState(stated, holds) === 'lost' && Date.parse(lastSeenAt) >= goneBefore;
      })
      .map(({ profile, session }) => ({
        node: profile.name,
        up: session !== null,
        devices: session === null ? null : devicesOf(state, profile.name),
      })),
    leases,
    leading: dispatcher.leads,
    logEntries: dispatcher.position,
    logWritable: dispatcher.logHealth.failure === null && dispatcher.leadership.storeAway === null,
    logRefused: dispatcher.logHealth.refusedAppends,
    granted: state.granted,
    lost: state.lost,
    waits: longestWaits(state, now),
  };
}

function progressOf(sweep: SweepState, leases: readonly LeaseState[]): SweepProgress {
  const { sweepId, name, queued, complete, failed, invalid, disturbed, ...more } = sweepStatus(sweep);
  const leased = leases.filter((lease) => lease.purpose !== 'control' && lease.sweepId === sweepId).length;
  const running = Math.min(queued, leased);
  const waiting = queued - running;
  const held = sweep.cancelled ? 'cancelled' : sweep.paused === null ? 'queued' : 'paused';
  return {
    sweep: shownName(sweep.view.namespace, name),
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
    grades: { clean: complete - disturbed, disturbed, invalid },
    reused: more.reused,
    impossible: sweep.view.impossible,
    trialSeconds: more.trialSeconds,
    disturbedBy: more.disturbedBy,
    invalidBy: more.invalidBy,
    failedBy: failedBy(sweep),
  };
}

/** Sweeps of one name in two namespaces are two. */
export function shownName(namespace: string, name: string): string {
  return namespace === DEFAULT_NAMESPACE ? name : `${namespace}/${name}`;
}

function failedBy(sweep: SweepState): Map<string, number> {
  const counts = new Map<string, number>();
  for (const queue of sweep.queues.values()) {
    if (queue.counts.failed === 0) continue;
    for (const [, { state, reason }] of queue.settled.unpackedEntries()) {
      const code = failureCode(reason);
      if (state === 'failed') counts.set(code, (counts.get(code) ?? 0) + 1);
    }
  }
  return counts;
}

/** A reason begins with its code where a trial failed; where no node could take the point it does not. */
function failureCode(reason: string | null): string {
  const [code = ''] = (reason ?? '').split(':');
  return code in FAILURES ? code : 'unplaced';
}

function devicesOf({ nodes, waiting }: SchedulerState, name: string): NonNullable<NodePresence['devices']> {
  const counts = { busy: 0, waiting: 0, idle: 0 };
  for (const slot of nodes.get(name)?.slots.values() ?? []) {
    counts[slot.trialId !== null ? 'busy' : waiting.has(slot) ? 'waiting' : 'idle'] += 1;
  }
  return counts;
}
