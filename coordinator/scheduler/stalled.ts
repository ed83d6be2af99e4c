import type { Fact } from '../log/log.js';
import { quotaRefusal } from './namespaces.js';
import { serves } from './placement.js';
import type { SchedulerState, SweepState } from './state.js';
import { blockedReasons, sweepStatus } from './status.js';

/** A sweep that waits for a node that has left. */
export interface Stalled {
  /** Monotonic seconds. */
  readonly since: number;
  /** Time of day, for people. */
  readonly endsAt: string;
  /** Long enough to be told. */
  told: boolean;
}

/** A node that restarts is back before anybody hears of it. */
const TOLD_AFTER_SECONDS = 60;

/**
 * Finds sweeps that had a node, and now wait for one that can measure the rest: nothing of theirs runs, and
 * every node that is connected has asked for work in vain. Those that have waited for `waitSeconds` are
 * ended. Their results stay, and resuming or submitting them goes on.
 * @returns the facts to write.
 */
export function endStalled(state: SchedulerState, now: number, at: string): Fact[] {
  const { waitSeconds = null } = state.options;
  if (waitSeconds === null || state.draining || state.awaited !== null) return [];
  const measured = new Set([...state.leases.values()].map(({ sweepId }) => sweepId));
  return [...state.sweeps.values()].flatMap((sweep): Fact[] => {
    const { sweepId, namespace } = sweep.view;
    if (measured.has(sweepId) || !waitsForNode(state, sweep) || quotaRefusal(state, namespace) !== null) {
      sweep.stalled = null;
      return [];
    }
    const endsAt = new Date(Date.parse(at) + 1000 * waitSeconds).toISOString();
    sweep.stalled ??= { since: now, endsAt, told: false };
    const waited = now - sweep.stalled.since;
    sweep.stalled.told = waited >= Math.min(TOLD_AFTER_SECONDS, waitSeconds / 10);
    if (waited < waitSeconds) return [];
    const [blocked] = blockedReasons(state, { ...sweep, stalled: null });
    const reason = `no node that can measure the rest of it was here for ${waitSeconds} s${blocked === undefined ? '' : `: ${blocked}`}; ${sweep.lastNode} measured it last. Its results stay, and \`ridge resume ${sweepId}\` goes on when a node is there`;
    return [{ fact: 'SweepCancelled', sweepId, reason, at }];
  });
}

function waitsForNode(state: SchedulerState, sweep: SweepState): boolean {
  if (sweep.lastNode === null || sweep.cancelled || sweep.paused !== null) return false;
  const here = [...state.nodes.values()].filter(({ lost, profile }) => !lost && serves(profile, sweep.view));
  const allWait = here.every(({ slots }) => [...slots.values()].every((slot) => state.waiting.has(slot)));
  return allWait && sweepStatus(sweep).state === 'running';
}
