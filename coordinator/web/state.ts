import { fromSweepState } from '../../proto/convert.js';
import type { LiveNode, LiveSearch, LiveSweep, LiveTrial } from '../../report/live/live.js';
import { awayState, isLeaving, runningTrials, wireStatus } from '../api/status.js';
import { type Seer, seesSweep, sweepsOf } from '../api/visible.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Registry } from '../registry/registry.js';
import type { SweepState } from '../scheduler/state.js';
import { searchProgress } from '../scheduler/status.js';

/** Sweeps that a page is sent: the newest ones. Older ones are reached by their id. */
const SWEEPS = 200;

/** @returns where a sweep stands, the same numbers as the control API's. */
export function liveSweep(dispatcher: Dispatcher, registry: Registry, sweep: SweepState): LiveSweep {
  const { state, trialSeconds, objectives, search: _, ...status } = wireStatus(dispatcher, registry, sweep);
  return {
    ...status,
    state: fromSweepState(state),
    search: liveSearch(sweep, status.spared),
    pinned: status.pinned || null,
    trialSeconds: trialSeconds === 0 ? null : trialSeconds,
    objectives: objectives.map(({ metric, maximize }) => ({ metric, better: maximize ? 'max' : 'min' })),
  };
}

function liveSearch(sweep: SweepState, spared: number): LiveSearch | null {
  const search = searchProgress(sweep);
  if (search === null) return null;
  const [only, ...others] = sweep.queues.values();
  return { ...search, spared, curve: others.length === 0 ? (only?.search?.curve() ?? []) : [] };
}

/** @returns the newest sweeps, newest first. */
export function liveSweeps(dispatcher: Dispatcher, registry: Registry, who: Seer): LiveSweep[] {
  const newest = sweepsOf(dispatcher, who).slice(-SWEEPS).reverse();
  return newest.map((sweep) => liveSweep(dispatcher, registry, sweep));
}

export function liveTrials(dispatcher: Dispatcher, registry: Registry, who: Seer): LiveTrial[] {
  const seen = runningTrials(dispatcher, registry).filter(({ sweepId }) =>
    seesSweep(dispatcher, who, sweepId),
  );
  return seen.map(({ sweepId, trial }) => ({
    sweepId,
    ...trial,
    phase: trial.phase === '' ? null : trial.phase,
  }));
}

/** @returns every node that has ever joined since the coordinator started, by name. */
export function liveNodes(dispatcher: Dispatcher, registry: Registry): LiveNode[] {
  const busy = new Set([...dispatcher.state.leases.values()].map((lease) => lease.node));
  return registry
    .entries()
    .map(({ profile, session, lastSeenAt, state }): LiveNode => {
      const { name } = profile;
      const draining = isLeaving(dispatcher, name, state);
      const there = draining ? 'draining' : busy.has(name) ? 'busy' : 'idle';
      const stated = session === null ? awayState(state, busy.has(name)) : there;
      return { name, state: stated, lastSeenAt: session === null ? lastSeenAt : null, profile };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
