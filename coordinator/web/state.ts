import { fromSweepState } from '../../proto/convert.js';
import type { LiveNode, LiveSweep, LiveTrial } from '../../report/live/live.js';
import { isLeaving, runningTrials, wireStatus } from '../api/status.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Registry } from '../registry/registry.js';
import type { SweepState } from '../scheduler/state.js';

/** Sweeps that a page is sent: the newest ones. Older ones are reached by their id. */
const SWEEPS = 200;

/** @returns where a sweep stands, the same numbers as the control API's. */
export function liveSweep(dispatcher: Dispatcher, sweep: SweepState): LiveSweep {
  const { state, trialSeconds, objectives, ...status } = wireStatus(dispatcher, sweep);
  return {
    ...status,
    state: fromSweepState(state),
    trialSeconds: trialSeconds === 0 ? null : trialSeconds,
    objectives: objectives.map(({ metric, maximize }) => ({ metric, better: maximize ? 'max' : 'min' })),
  };
}

/** @returns the newest sweeps, newest first. */
export function liveSweeps(dispatcher: Dispatcher): LiveSweep[] {
  const newest = [...dispatcher.state.sweeps.values()].slice(-SWEEPS).reverse();
  return newest.map((sweep) => liveSweep(dispatcher, sweep));
}

export function liveTrials(dispatcher: Dispatcher, registry: Registry): LiveTrial[] {
  return runningTrials(dispatcher, registry).map(({ sweepId, trial }) => ({
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
      const word = session === null ? 'lost' : draining ? 'draining' : busy.has(name) ? 'busy' : 'idle';
      return { name, state: word, lastSeenAt: session === null ? lastSeenAt : null, profile };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
