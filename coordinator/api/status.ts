import { getOrMake } from '../../core/maps.js';
import { DEFAULT_NAMESPACE } from '../../core/sweep/identity.js';
import type { SearchBound } from '../../core/sweep/spec.js';
import { BEFORE_WORK, beforeWorkOf } from '../../proto/before-work.js';
import { toBounds, toSweepState } from '../../proto/convert.js';
import {
  type NodeStatus,
  type RunningTrial,
  SweepStatus,
  type SearchProgress as WireSearch,
  SweepState as WireState,
} from '../../proto/gen/ridgepoint/v1/control.js';
import type { SearchProgress } from '../../search/searcher.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Registry } from '../registry/registry.js';
import { quotaRefusal } from '../scheduler/namespaces.js';
import { serves } from '../scheduler/placement.js';
import {
  type LeaseState,
  type OtherRelease,
  queueOf,
  type SchedulerState,
  type SweepState,
} from '../scheduler/state.js';
import { blockedReasons, failureReasons, searchProgress, sweepStatus } from '../scheduler/status.js';
import { type Seer, seesSweep } from './visible.js';

/** Most nodes that a reason names. */
const MOST_NODES = 4;
/** Behind what a running trial is of. */
const SUFFIX = {
  measure: '',
  control: ' (drift control)',
  probe: ' (probe)',
  quality: ' (answers)',
} as const;

export function wireStatus(dispatcher: Dispatcher, registry: Registry, sweep: SweepState): SweepStatus {
  const { state, trialSeconds, queued, start, invalidBy, disturbedBy, ...status } = sweepStatus(sweep);
  const search = searchProgress(sweep);
  const running = [...dispatcher.state.leases.values()].filter(
    (lease) =>
      lease.sweepId === status.sweepId &&
      lease.purpose !== 'control' &&
      !queueOf(sweep, lease.queue).settled.has(lease.position),
  ).length;
  const { namespace } = sweep.view;
  return {
    ...status,
    namespace,
    priority: sweep.priority,
    pinned: dispatcher.state.pinned.get(status.sweepId) ?? '',
    secondsLeft: secondsLeft(dispatcher, sweep),
    state: toSweepState(state),
    running,
    queued: queued - running,
    trialSeconds: trialSeconds ?? 0,
    start: start ?? 0,
    disturbedBy: [...disturbedBy],
    invalidBy: [...invalidBy],
    blockedReasons: reasonsToWait(dispatcher, registry, sweep, state),
    failureReasons: failureReasons(sweep),
    search: search === null ? undefined : wireSearch(search, sweep.view.bounds),
    objectives: sweep.view.objectives.map(({ metric, better }) => ({ metric, maximize: better === 'max' })),
    names: sweep.view.names.map(({ name, at, single }) => ({ name, atJson: JSON.stringify(at), single })),
  };
}

function wireSearch(
  { skipped, decisions, hypervolume, prior, ended, budget, ...progress }: SearchProgress,
  bounds: readonly SearchBound[],
): WireSearch {
  const constraints = toBounds(bounds);
  const counts = { ...progress, skipped: [...skipped], decisions: [...decisions], constraints };
  const { trials, deviceHours, joules } = budget;
  return {
    ...counts,
    hypervolume: hypervolume ?? undefined,
    prior: prior ?? '',
    ended: ended ?? '',
    budget: {
      trials: trials ?? undefined,
      deviceHours: deviceHours ?? undefined,
      joules: joules ?? undefined,
    },
  };
}

function reasonsToWait(
  { state }: Dispatcher,
  registry: Registry,
  sweep: SweepState,
  stated: ReturnType<typeof sweepStatus>['state'],
): string[] {
  if (stated === 'paused') return sweep.paused === null ? [] : [sweep.paused];
  if (stated === 'cancelled') return sweep.ended === null ? [] : [sweep.ended];
  if (stated !== 'running') return [];
  const quota = quotaRefusal(state, sweep.view.namespace);
  const reasons = [...(quota === null ? [] : [quota]), ...blockedReasons(state, sweep)];
  return reasons.length > 0 ? reasons : whyNothingRuns(state, registry, sweep);
}

/**
 * @returns what the nodes that could measure a sweep do instead, where nothing of it runs; nothing where
 *   something runs, or where they ask for work.
 */
function whyNothingRuns(state: SchedulerState, registry: Registry, sweep: SweepState): string[] {
  const leases = [...state.leases.values()];
  if (leases.some(({ sweepId }) => sweepId === sweep.view.sweepId)) return [];
  if (state.awaited !== null) return [awaitedText(state.awaited.nodes)];
  const serving = registry
    .entries()
    .filter(({ profile, session }) => session !== null && serves(profile, sweep.view));
  const beforeWork = serving.map(({ profile, state: does }) => {
    const before = beforeWorkOf(does);
    return before === null ? null : `${profile.name} ${BEFORE_WORK[before]}`;
  });
  if (beforeWork.every((does) => does !== null)) return beforeWork.slice(0, MOST_NODES);
  const slots = serving.flatMap(({ profile }) => [...(state.nodes.get(profile.name)?.slots.values() ?? [])]);
  const areBusy = slots.length > 0 && slots.every(({ trialId }) => trialId !== null);
  return areBusy ? ['every device that could measure it is busy with other sweeps'] : [];
}

function awaitedText(nodes: ReadonlySet<string>): string {
  const some = [...nodes].slice(0, MOST_NODES).join(', ');
  return `the coordinator begins nothing until ${some} ${nodes.size === 1 ? 'has' : 'have'} said what still runs there`;
}

/**
 * @returns seconds until a sweep is done at the pace of its newest trials with the devices that it has now; 0
 *   = nobody can tell.
 */
function secondsLeft({ state }: Dispatcher, sweep: SweepState): number {
  const { state: stated, trialSeconds, trialsLeft, sweepId } = sweepStatus(sweep);
  if (stated !== 'running' || trialSeconds === null) return 0;
  const devices = [...state.leases.values()].filter((lease) => lease.sweepId === sweepId).length;
  return devices === 0 ? 0 : (trialSeconds * trialsLeft) / devices;
}

/** A sweep of another release: what was measured of it, and no more than that. */
export function otherReleaseStatus(
  { state }: Dispatcher,
  { sweepId, name, submittedAt, counts }: OtherRelease,
): SweepStatus {
  return SweepStatus.fromPartial({
    sweepId,
    name,
    submittedAt,
    ...counts,
    starts: 1,
    maxStarts: 1,
    namespace: DEFAULT_NAMESPACE,
    pinned: state.pinned.get(sweepId) ?? '',
    state: WireState.SWEEP_STATE_NOT_RESUMED,
    points: counts.complete + counts.invalid + counts.failed,
  });
}

/**
 * What does not change while a lease runs; watchers ask for it all the time, and a point costs arithmetic.
 */
interface LeaseFacts {
  readonly experimentId: string;
  readonly label: string;
  readonly maxRepeats: number;
}
const factsByLease = new WeakMap<LeaseState, LeaseFacts>();

function factsOf(sweep: SweepState, lease: LeaseState): LeaseFacts {
  return getOrMake(factsByLease, lease, () => {
    const experiment = sweep.view.experimentAt(lease.position, lease.queue === '' ? null : lease.queue);
    return {
      experimentId: experiment.id,
      label: sweep.view.label(experiment) + SUFFIX[lease.purpose],
      maxRepeats: experiment.measure.maxRepeats,
    };
  });
}

/** Every lease with what its agent last reported of it. */
export function runningTrials(
  dispatcher: Dispatcher,
  registry: Registry,
): { sweepId: string; trial: RunningTrial }[] {
  const { leases, sweeps } = dispatcher.state;
  return [...leases.values()].flatMap((lease) => {
    const sweep = sweeps.get(lease.sweepId);
    if (sweep === undefined) return [];
    const { experimentId, label, maxRepeats } = factsOf(sweep, lease);
    const progress = registry.progress(lease.trialId);
    const trial: RunningTrial = {
      trialId: lease.trialId,
      experimentId,
      node: lease.node,
      deviceId: lease.deviceId,
      label,
      phase: progress?.phase ?? '',
      repeat: progress?.repeat ?? 0,
      maxRepeats: progress?.maxRepeats ?? maxRepeats,
      elapsedSeconds: progress?.elapsedSeconds ?? 0,
    };
    return [{ sweepId: lease.sweepId, trial }];
  });
}

/** What runs of other namespaces keeps a node busy, and is nobody's business. */
export function nodeStatuses(dispatcher: Dispatcher, registry: Registry, who: Seer): NodeStatus[] {
  const running = runningTrials(dispatcher, registry);
  return registry.entries().map(({ profile, session, lastSeenAt, state, ...heard }) => {
    const mine = running.filter(({ trial }) => trial.node === profile.name);
    const seen = mine.filter(({ sweepId }) => seesSweep(dispatcher, who, sweepId));
    return {
      name: profile.name,
      state:
        session === null
          ? awayState(state, mine.length > 0)
          : isLeaving(dispatcher, profile.name, state)
            ? 'draining'
            : mine.length > 0
              ? 'busy'
              : (beforeWorkOf(state) ?? 'idle'),
      lastSeenAt,
      nodeProfileJson: JSON.stringify(profile),
      running: seen.map(({ trial }) => trial),
      cordoned: dispatcher.state.cordoned.get(profile.name) ?? '',
      health: heard.health ?? undefined,
      clockAheadSeconds: heard.clockAheadSeconds ?? undefined,
      // What its configuration no longer asks for is not looked for: there is no reason why it is absent.
      lostRunners: heard.formerRunners.filter((kind) => `runner ${kind}` in profile.absent),
    };
  });
}

/**
 * @param stated what a node said last. @param holds whether it had trials then.
 * @returns what one that is not connected is: it finished what it had and left, or it is lost.
 */
export function awayState(stated: string, holds: boolean): 'drained' | 'lost' {
  return leaves(stated) && !holds ? 'drained' : 'lost';
}

/** Whether what an agent said last is that it leaves: it takes no more work, or has said goodbye. */
const leaves = (stated: string) => stated === 'draining' || stated === 'left';

/** @returns whether a node was asked to leave, or says that it is leaving. */
export function isLeaving({ state }: Dispatcher, node: string, stated: string): boolean {
  return leaves(stated) || (state.nodes.get(node)?.leaving ?? null) !== null;
}
