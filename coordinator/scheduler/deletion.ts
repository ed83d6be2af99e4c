import { releaseBlock } from './block-allocator.js';
import { namespaceOf } from './namespaces.js';
import type { SchedulerState, SweepState } from './state.js';
import { slotsOf } from './state.js';
import { sweepStatus } from './status.js';

/**
 * A deleted sweep is gone from the state: its points, its outcomes, its place among the sweeps. Its trials
 * stay known by their ids, so that a record that comes twice is still written once. `deleted` says how many
 * trials were recorded by then: those of the sweep with a lower number are deleted with it, and those that
 * come after it was submitted anew are not.
 */

/**
 * @param gone sweeps that are taken for deleted already.
 * @returns one sentence that says why a sweep cannot be deleted now; null = it can.
 */
export function deletionRefusal(
  state: SchedulerState,
  sweepId: string,
  gone: ReadonlySet<string> = new Set(),
): string | null {
  const sweep = state.sweeps.get(sweepId);
  if (sweep === undefined && !state.otherReleases.has(sweepId)) return `There is no sweep ${sweepId} here.`;
  const pin = state.pinned.get(sweepId);
  if (pin !== undefined)
    return `Sweep ${sweepId} is pinned (${pin}): unpin it first (\`ridge sweeps unpin ${sweepId}\`), then delete it.`;
  if (sweep !== undefined) {
    const { state: stated } = sweepStatus(sweep);
    if (stated !== 'done' && stated !== 'cancelled')
      return `Sweep ${sweepId} is ${stated}: cancel it first (\`ridge cancel ${sweepId}\`), then delete it.`;
    const running = [...state.leases.values()].filter((lease) => lease.sweepId === sweepId).length;
    if (running > 0)
      return `Sweep ${sweepId} still has ${running} ${running === 1 ? 'trial' : 'trials'} running: delete it when they have ended.`;
  }
  const user = userOf(state, sweepId, gone);
  if (user === null) return null;
  const { sweepId: userId, name, namespace } = user.view;
  // Who may delete the one need not know of the other.
  if (namespace !== namespaceOf(state, sweepId))
    return `A sweep of another namespace shows results of sweep ${sweepId}: that one has to be deleted first.`;
  return `Sweep ${userId} (${name}) shows results of sweep ${sweepId}: delete that one first.`;
}

/** @returns a sweep that took over results of another one; null = none that stays did. */
function userOf(state: SchedulerState, sweepId: string, gone: ReadonlySet<string>): SweepState | null {
  for (const [userId, sweep] of state.sweeps)
    if (userId !== sweepId && !gone.has(userId) && sweep.sources.has(sweepId)) return sweep;
  return null;
}

/**
 * A deletion is decided, and not written yet: nothing more of the sweep is begun, and no other one takes its
 * results over meanwhile.
 */
export function beginDeletion(state: SchedulerState, sweepId: string): void {
  state.deleting.add(sweepId);
  for (const slot of slotsOf(state)) if (slot.block?.sweepId === sweepId) releaseBlock(state, slot);
}

/** What the fact does. */
export function deleteSweep(state: SchedulerState, sweepId: string): void {
  const queues = [...(state.sweeps.get(sweepId)?.queues.values() ?? [])];
  for (const slot of slotsOf(state)) {
    if (slot.block?.sweepId === sweepId) releaseBlock(state, slot);
    for (const queue of queues) slot.deferredSeen.delete(queue);
  }
  state.sweeps.delete(sweepId);
  state.otherReleases.delete(sweepId);
  state.deleting.delete(sweepId);
  state.pinned.delete(sweepId);
  state.deleted.set(sweepId, state.recorded.size);
}
