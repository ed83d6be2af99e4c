import { FEW_EXPERIMENTS } from './block-allocator.js';
import type { Command } from './commands.js';
import { quotaRefusal } from './namespaces.js';
import { serves } from './placement.js';
import { type PointQueue, queueKey, type SchedulerState, type Slot, type SweepState } from './state.js';
import { isRunning } from './status.js';

/** Slots that are woken for one event: whoever of them is given something wakes the next. */
const MOST_WOKEN = 64;
const NEXT_WOKEN = 2;
/**
 * How many slots are looked at for each that is wanted. Where only few of very many fit, the rest are found
 * at the next events, or when slots ask by themselves.
 */
const LOOKED_AT_EACH = 4;

/**
 * @returns commands that tell waiting slots to ask again, sent after something that may have made work. As
 *   many slots are told as there are points to hand out that they may run, the longest waiting first. Where a
 *   device of a node became free, the other slots of that node are told, which may have waited for it. Where
 *   a sweep has come to its end, all are told, since some may wait to hear that.
 */
export function wakeWaiting(state: SchedulerState): Command[] {
  const running = [...state.sweeps.values()].filter(isRunning);
  const ended = running.length < state.running;
  state.running = running.length;
  const freed = [...state.freed].flatMap((name) => [...(state.nodes.get(name)?.slots.values() ?? [])]);
  state.freed.clear();
  if (state.draining || state.awaited !== null) return [];
  const all = ended ? [...state.waiting].flatMap(([slot, idle]) => (idle ? [] : slot)) : [];
  const told = wake(state, [...all, ...freed]);
  return [...told, ...wake(state, slotsFor(state, running, MOST_WOKEN))];
}

/** @returns the same for those who are next, after somebody was given a lease. */
export function wakeNext(state: SchedulerState): Command[] {
  if (state.waiting.size === 0) return [];
  return wake(state, slotsFor(state, [...state.sweeps.values()].filter(isRunning), NEXT_WOKEN));
}

function wake(state: SchedulerState, slots: readonly Slot[]): Command[] {
  const waiting = slots.filter((slot) => state.waiting.delete(slot));
  return waiting.map(({ node, deviceId }) => ({ command: 'wake', node, deviceId }));
}

function slotsFor(state: SchedulerState, running: readonly SweepState[], most: number): Slot[] {
  const [found, passed]: [Slot[], [Slot, boolean][]] = [[], []];
  const open = running.filter(
    ({ view }) => !state.severalTurns || quotaRefusal(state, view.namespace) === null,
  );
  if (!open.some(hasPoints)) return found;
  const left = new Map<PointQueue, number>();
  for (const [slot, idle] of state.waiting) {
    if (found.length === most || found.length + passed.length === LOOKED_AT_EACH * most) break;
    if (mayTake(state, slot, open, left)) found.push(slot);
    else passed.push([slot, idle]);
  }
  // Those behind them are looked at first the next time.
  for (const [slot] of passed) state.waiting.delete(slot);
  for (const [slot, idle] of passed) state.waiting.set(slot, idle);
  return found;
}

/**
 * @param left points that nobody has been woken for, of each queue that was looked at; one less where the
 *   slot may run one.
 * @returns whether a slot may be given a point of these sweeps, as far as can be told before it asks.
 */
export function mayTake(
  state: SchedulerState,
  slot: Slot,
  running: readonly SweepState[],
  left: Map<PointQueue, number>,
): boolean {
  const profile = state.nodes.get(slot.node)?.profile;
  const device = profile?.devices.find(({ id }) => id === slot.deviceId);
  if (profile === undefined || device === undefined || state.cordoned.has(slot.node)) return false;
  if (slot.block !== null) return true;
  return running.some((sweep) => {
    const queue = sweep.queues.get(queueKey(sweep, slot.node));
    const { devices } = sweep.view.placement;
    if (queue === undefined || !device.classes.some((name) => devices.includes(name))) return false;
    if (!serves(profile, sweep.view)) return false;
    const points = left.get(queue) ?? openPoints(sweep, queue);
    if (points > 0) left.set(queue, points - 1);
    return points > 0 || (slot.deferredSeen.get(queue) ?? 0) < queue.deferred.length;
  });
}

function hasPoints(sweep: SweepState): boolean {
  for (const queue of sweep.queues.values())
    if (queue.deferred.length > 0 || openPoints(sweep, queue) > 0) return true;
  return false;
}

/**
 * @returns how many points may be handed out. It is at least one where only a slot that asks can find out.
 */
function openPoints({ view, nextBlock }: SweepState, queue: PointQueue): number {
  const back = queue.returned.length + queue.starts.waitingAtMost + queue.stale.size;
  if (queue.search !== null) return back + (queue.search.ended === null ? FEW_EXPERIMENTS : 0);
  const shared = queue.nonePending === nextBlock ? 0 : 1;
  return back + Math.max(0, view.count - queue.cursor) + shared;
}
