import type { WAIT_REASONS } from '../../core/metrics/exported.js';
import { quotaRefusal } from './namespaces.js';
import { serves } from './placement.js';
import type { SchedulerState, Slot, SweepState } from './state.js';
import { isRunning, sweepStatus } from './status.js';
import { mayTake } from './waking.js';

/**
 * What the next point of a sweep waits for: `coordinator` = a device that may take it has asked for work in
 * vain; `device` = all that may take it are busy; `node` = no connected node may take it; `quota` = its
 * namespace has used up what it may; `paused` = somebody paused the sweep.
 */
export type WaitReason = (typeof WAIT_REASONS)[number];

/** That points of a sweep wait. */
export interface Wait {
  readonly reason: WaitReason;
  /** Monotonic seconds: since when they have waited for that, and no other point of the sweep was leased. */
  readonly since: number;
}

/** Slots that asked in vain of which so many are looked at, for each sweep; they are all alike, mostly. */
const MOST_LOOKED_AT = 256;

/**
 * Notes what the next point of each sweep waits for, and since when. A grant ends the wait of its sweep:
 * points are drawn at random, so the next one waits from when the one before it was leased. Its work grows
 * with sweeps and nodes, never with points.
 */
export function noteWaits(state: SchedulerState, now: number): void {
  const leased = new Map<string, number>();
  for (const { sweepId, purpose } of state.leases.values())
    if (purpose !== 'control') leased.set(sweepId, (leased.get(sweepId) ?? 0) + 1);
  for (const sweep of state.sweeps.values()) {
    const reason = state.draining ? null : waitReason(state, sweep, leased.get(sweep.view.sweepId) ?? 0);
    if (reason === null) sweep.wait = null;
    else if (sweep.wait?.reason !== reason) sweep.wait = { reason, since: now };
  }
}

/** @returns by reason the longest time, in seconds, for which the next point of a sweep has waited. */
export function longestWaits({ sweeps }: SchedulerState, now: number): Map<WaitReason, number> {
  const longest = new Map<WaitReason, number>();
  for (const { wait } of sweeps.values()) {
    if (wait === null) continue;
    longest.set(wait.reason, Math.max(now - wait.since, longest.get(wait.reason) ?? 0));
  }
  return longest;
}

/** @param leased points of the sweep that are leased. @returns null where no point waits. */
function waitReason(state: SchedulerState, sweep: SweepState, leased: number): WaitReason | null {
  if (sweep.paused !== null) return sweepStatus(sweep).state === 'paused' ? 'paused' : null;
  if (!isRunning(sweep) || !hasWaiting(sweep, leased)) return null;
  if (quotaRefusal(state, sweep.view.namespace) !== null) return 'quota';
  const takes = (slot: Slot) => mayTake(state, slot, [sweep], new Map());
  let looked = 0;
  for (const slot of state.waiting.keys()) {
    if (++looked > MOST_LOOKED_AT) break;
    // One that is to run a trial of several devices waits for the others.
    const gathers = state.nodes.get(slot.node)?.gathering !== null;
    if (!gathers && takes(slot)) return 'coordinator';
  }
  for (const { connected, leaving, profile, slots } of state.nodes.values()) {
    if (!connected || leaving !== null || !serves(profile, sweep.view)) continue;
    for (const slot of slots.values()) if (takes(slot)) return 'device';
  }
  return 'node';
}

/** A search asks for points as it learns: while something of it runs, the rest need not be wanted yet. */
function hasWaiting(sweep: SweepState, leased: number): boolean {
  const queues = [...sweep.queues.values()];
  if (sweep.view.newSearch === null) return sweepStatus(sweep).queued > leased;
  return (
    leased === 0 ||
    queues.some(({ returned, starts, stale }) => returned.length + starts.waitingAtMost + stale.size > 0)
  );
}
