import type { Lease, Purpose } from '../../core/experiment/lease.js';
import type { Fact } from '../log/log.js';
import { type Allocation, allocateBlock, releaseBlock } from './block-allocator.js';
import { appendOf, type Command } from './commands.js';
import { OUT_OF_TIME, SHORT_REPEATS, type TimeLeft, timeLeft } from './deadline.js';
import { quotaRefusal, refundBlock } from './namespaces.js';
import { devicesTaken, serves } from './placement.js';
import { reusable } from './reuse.js';
import { keptAnswersOf } from './stale.js';
import {
  forgo,
  freeDevices,
  givenUp,
  type LeaseState,
  type NodeState,
  type PointQueue,
  queueKey,
  queueOf,
  requeue,
  type SchedulerState,
  type Slot,
  type SweepState,
  triesOf,
} from './state.js';
import { isRunning } from './status.js';
import { provesLease, readTrialId, trialId } from './trial-id.js';
import { wakeNext } from './waking.js';

/**
 * How many leases may end without a record, beyond the retries, before a point is assumed to kill its nodes.
 */
const LOSSES_BEYOND_RETRIES = 2;
/** Facts that one request may bring up. */
const MOST_FACTS = 2048;
const RETRY_SECONDS = 2;
const IDLE_RETRY_SECONDS = 15;
/** While nodes are waited for; whoever waits is woken when they are there. */
const AWAITED_RETRY_SECONDS = 1;
/**
 * Those who wait are woken when there is work. In case that message is lost, they also ask by themselves: so
 * many a second, all together.
 */
const MOST_ASKS_PER_SECOND = 500;

/** Answers a free slot's request for work: a lease, or when to ask again. */
export function requestWork(state: SchedulerState, slot: Slot, now: number, at: string): Command[] {
  const allocation: Allocation = { facts: [], unfinished: false };
  const { leaseKey } = state;
  const node = state.nodes.get(slot.node);
  if (state.awaited !== null) {
    state.waiting.set(slot, false);
    const { deviceId } = slot;
    const retrySeconds = Math.max(AWAITED_RETRY_SECONDS, spread(state));
    return [{ command: 'no-work', deviceId, retrySeconds, idle: false, undecided: true }];
  }
  const leaving = state.draining || node?.leaving !== null || state.cordoned.has(slot.node);
  const lease =
    leaving || slot.trialId !== null || leaseKey === null || standsBack(node, slot)
      ? null
      : nextLease(state, slot, leaseKey, now, at, allocation);
  const commands = appendOf(allocation.facts);
  if (lease !== null) {
    state.waiting.delete(slot);
    return [...commands, { command: 'grant', lease }, ...wakeNext(state)];
  }
  const idle =
    allocation.facts.length === 0 &&
    [...state.sweeps.values()].every(
      (sweep) => !isRunning(sweep) || (node !== undefined && !serves(node.profile, sweep.view)),
    );
  if (leaving) state.waiting.delete(slot);
  else state.waiting.set(slot, idle);
  // Settling points by facts, or a search cut short: there may be more at once.
  const soon = allocation.facts.length > 0 || allocation.unfinished;
  const later = idle ? IDLE_RETRY_SECONDS : Math.max(RETRY_SECONDS, spread(state));
  const retrySeconds = soon ? 0.02 : later;
  const { deviceId } = slot;
  return [...commands, { command: 'no-work', deviceId, retrySeconds, idle, undecided: soon }];
}

/** @returns seconds after which each of those who wait may ask again. */
function spread({ waiting }: SchedulerState): number {
  return Math.min(IDLE_RETRY_SECONDS, waiting.size / MOST_ASKS_PER_SECOND);
}

function nextLease(
  state: SchedulerState,
  slot: Slot,
  leaseKey: string,
  now: number,
  at: string,
  allocation: Allocation,
): Lease | null {
  while (slot.block !== null || allocateBlock(state, slot, at, allocation)) {
    const block = slot.block!;
    const sweep = state.sweeps.get(block.sweepId);
    if (sweep === undefined) {
      slot.block = null;
      continue;
    }
    if (state.severalTurns && quotaRefusal(state, sweep.view.namespace) !== null) {
      // Kept, the block would hold the device idle for everybody.
      releaseBlock(state, slot);
      continue;
    }
    const { stage } = block;
    const time = timeLeft(state, sweep, now);
    const next = nextOfBlock(state, sweep, slot, { facts: allocation.facts, time, at });
    if (next === null) {
      slot.block = null;
      if (allocation.facts.length < MOST_FACTS) continue;
      allocation.unfinished = true;
      return null;
    }
    const others = gather(state, sweep, slot, next.position);
    if (others !== null) {
      if (sweep.budget !== null) sweep.budget.beganAt ??= now;
      const granted = { ...next, time, otherDeviceIds: others };
      return grantLease(state, sweep, slot, granted, { leaseKey, now });
    }
    if (next.purpose === 'control') block.stage = stage;
    else {
      block.pending.unshift(next.position);
      queueOf(sweep, block.queue).nonePending = null;
    }
    return null;
  }
  return null;
}

/** Whether another device of the node waits for this one to be free. */
function standsBack(node: NodeState | undefined, slot: Slot): boolean {
  const gathering = node?.gathering ?? null;
  if (node === undefined || gathering === null) return false;
  if (gathering.deviceId === slot.deviceId) {
    // It looks again, or has another trial by now.
    node.gathering = null;
    return false;
  }
  return isOfClass(node, slot.deviceId, gathering.deviceClass);
}

/**
 * Finds the devices that a trial takes beside the slot's own.
 * @returns their ids; null while too few are free. Then the other devices of their class begin nothing until
 *   enough are free.
 */
function gather(state: SchedulerState, sweep: SweepState, slot: Slot, position: number): string[] | null {
  const node = state.nodes.get(slot.node)!;
  const experiment = sweep.view.experimentAt(position, queueOf(sweep, slot.block!.queue).node);
  const wanted = devicesTaken(experiment) - 1;
  if (wanted === 0) return [];
  const free = othersFree(node, slot, experiment.device).slice(0, wanted);
  if (free.length === wanted) return free;
  node.gathering = { deviceId: slot.deviceId, deviceClass: experiment.device };
  return null;
}

function othersFree(node: NodeState, slot: Slot, deviceClass: string): string[] {
  return [...node.slots.values()]
    .filter((other) => other !== slot && other.trialId === null)
    .map(({ deviceId }) => deviceId)
    .filter((id) => isOfClass(node, id, deviceClass));
}

function isOfClass({ profile }: NodeState, deviceId: string, deviceClass: string): boolean {
  return profile.devices.some(({ id, classes }) => id === deviceId && classes.includes(deviceClass));
}

/** @returns whether a point has been asked again in vain as often as it may be. */
export function hasNoTry({ view }: SweepState, queue: PointQueue, position: number): boolean {
  const { failed = 0, losses = 0 } = queue.tries.get(position) ?? {};
  const { retries } = view.placement;
  return failed > retries || losses > retries + LOSSES_BEYOND_RETRIES;
}

/**
 * The block's order: control, its positions, control. When time is up, only those positions that have no
 * start.
 * @returns null when the block is over.
 */
function nextOfBlock(
  state: SchedulerState,
  sweep: SweepState,
  slot: Slot,
  { facts, time, at }: { readonly facts: Fact[]; readonly time: TimeLeft; readonly at: string },
): { position: number; purpose: Purpose } | null {
  const block = slot.block!;
  const queue = queueOf(sweep, block.queue);
  if (block.stage === 'begin') {
    block.stage = 'measure';
    if (block.control !== null && time !== 'over') return { position: block.control, purpose: 'control' };
  }
  while (block.pending.length > 0) {
    const position = block.pending.shift()!;
    if (queue.stale.has(position)) return { position, purpose: 'quality' };
    const purpose = queue.search?.wantsProbe(position) === true ? 'probe' : 'measure';
    if (queue.settled.has(position) && purpose === 'measure') {
      requeue(queue, position);
      continue;
    }
    // What a search asked for before it ended is not begun any more.
    if (queue.search !== null && queue.search.ended !== null && queue.starts.countOf(position) === 0) {
      forgo(queue, position);
      refundBlock(state, block, 1);
      continue;
    }
    if (time === 'over' && queue.starts.countOf(position) > 0) {
      // Stays `out` until the fact settles it by the starts that it has.
      facts.push(givenUp(sweep, queue, position, OUT_OF_TIME, at));
      continue;
    }
    const node = state.nodes.get(slot.node);
    const reused = node === undefined ? [] : reusable(state, sweep, queue, position, node.profile);
    if (reused.length === 0) return { position, purpose };
    // Measured meanwhile, for another sweep: stays `out` until the facts count it.
    facts.push(...reused);
  }
  if (block.stage === 'measure' && block.control !== null && time !== 'over') {
    block.stage = 'end';
    return { position: block.control, purpose: 'control' };
  }
  return null;
}

/** What a slot gets. */
interface Granted {
  readonly position: number;
  readonly purpose: Purpose;
  readonly time: TimeLeft;
  /** Devices of the node that its trial has besides the slot's. */
  readonly otherDeviceIds: readonly string[];
}

function grantLease(
  state: SchedulerState,
  sweep: SweepState,
  slot: Slot,
  { position, purpose, time, otherDeviceIds }: Granted,
  { leaseKey, now }: { readonly leaseKey: string; readonly now: number },
): Lease {
  const { view } = sweep;
  const block = slot.block!;
  const queue = queueOf(sweep, block.queue);
  const tries = purpose !== 'control' ? queue.tries.get(position) : undefined;
  const attempt =
    tries === undefined ? 1 : tries.failed + tries.invalid + tries.losses + tries.elsewhere.size + 1;
  state.trialsNamed += 1;
  const promoted = purpose === 'measure' ? queue.search?.reasonOf(position) : undefined;
  const start = purpose === 'measure' ? { start: queue.starts.countOf(position) + 1 } : {};
  const name = { sweepId: view.sweepId, position, block: block.number, purpose, attempt, ...start };
  const kept = purpose === 'quality' ? keptAnswersOf(state, queue, position) : null;
  const experiment = view.experimentAt(position, queue.node);
  const holder = { node: slot.node, deviceId: slot.deviceId, experimentId: experiment.id };
  const unique = `${state.options.incarnation}${state.trialsNamed.toString(36)}`;
  const id = trialId(name, unique, holder, leaseKey);
  const charged = purpose !== 'control' ? block.charged : 0;
  holdLease(
    state,
    slot,
    { ...name, trialId: id, queue: block.queue, otherDeviceIds, experiment, charged },
    now,
  );
  state.granted[purpose] += 1;
  sweep.lastNode = slot.node;
  sweep.wait = null;
  // The first start of a point, and the control, are as long as they were asked for.
  const short = time !== 'enough' && purpose === 'measure' && queue.starts.countOf(position) > 0;
  if (sweep.budget !== null && short) sweep.budget.short = true;
  return {
    trialId: id,
    sweepName: view.name,
    ...name,
    ...(promoted !== undefined && { promoted }),
    deviceId: slot.deviceId,
    ...(otherDeviceIds.length > 0 && { otherDeviceIds }),
    experiment,
    ...(kept !== null && { kept }),
    ...((short || purpose === 'probe') && { mostRepeats: SHORT_REPEATS }),
    leaseSeconds: state.options.leaseSeconds,
  };
}

function holdLease(
  state: SchedulerState,
  slot: Slot,
  lease: Omit<LeaseState, 'node' | 'deviceId' | 'expiresAt'>,
  now: number,
): void {
  const slots = state.nodes.get(slot.node)?.slots;
  slot.trialId = lease.trialId;
  for (const id of lease.otherDeviceIds) {
    const other = slots?.get(id);
    if (other !== undefined) other.trialId = lease.trialId;
  }
  state.leases.set(lease.trialId, {
    ...lease,
    node: slot.node,
    deviceId: slot.deviceId,
    expiresAt: now + state.options.leaseSeconds,
  });
}

/**
 * A node says that it runs this trial. Its lease is renewed. If this coordinator did not give that lease (it
 * was restarted), or has let it expire, the lease is taken up again unless somebody else has the point by
 * now. Only the node that it was leased to may do so: the signature in the id names the node and the device.
 * @param ended it has ended, and its record is on its way: it holds its point, and no device
 * @returns false when the trial is not wanted any more.
 */
export function renewOrAdopt(
  state: SchedulerState,
  node: string,
  id: string,
  now: number,
  ended = false,
): boolean {
  const lease = state.leases.get(id);
  if (lease !== undefined) {
    if (lease.node !== node) return false;
    lease.expiresAt = now + state.options.leaseSeconds;
    return state.sweeps.get(lease.sweepId)?.cancelled === false;
  }
  // Recorded already: its acknowledgement is on the way.
  if (state.recorded.has(id)) return true;
  const name = readTrialId(id);
  // Only its lease knew which answers it was to replace.
  if (name?.purpose === 'quality') return false;
  const sweep = name === null ? undefined : state.sweeps.get(name.sweepId);
  if (name === null || sweep === undefined || sweep.cancelled || name.position >= sweep.view.count)
    return false;
  const slots = [...(state.nodes.get(node)?.slots.values() ?? [])];
  const queue = queueKey(sweep, node);
  const points = queueOf(sweep, queue);
  if (
    name.purpose !== 'control' &&
    (points.settled.has(name.position) || points.inFlight.has(name.position))
  ) {
    return false;
  }
  const { leaseKey } = state;
  const experiment = sweep.view.experimentAt(name.position, points.node);
  const experimentId = experiment.id;
  const slot = slots.find(
    ({ trialId: leasedTrial, deviceId }) =>
      (ended || leasedTrial === null) &&
      leaseKey !== null &&
      provesLease(id, { node, deviceId, experimentId }, leaseKey),
  );
  if (slot === undefined) return false;
  if (name.purpose !== 'control') {
    points.inFlight.add(name.position);
    const index = points.returned.indexOf(name.position);
    if (index >= 0) points.returned.splice(index, 1);
  }
  sweep.nextBlock = Math.max(sweep.nextBlock, name.block + 1);
  const held = { ...name, trialId: id, queue, experiment, charged: 0 };
  if (ended) {
    const expiresAt = now + state.options.leaseSeconds;
    state.leases.set(id, { ...held, otherDeviceIds: [], node, deviceId: slot.deviceId, expiresAt });
    return true;
  }
  // Which others it holds is not in its id; the agent starts nothing on a device that it has in use.
  const others = othersFree(state.nodes.get(node)!, slot, experiment.device);
  const otherDeviceIds = others.slice(0, devicesTaken(experiment) - 1);
  holdLease(state, slot, { ...held, otherDeviceIds }, now);
  return true;
}

/** Ends a lease that somebody else looks after now: its point goes back. */
export function letGo(state: SchedulerState, lease: LeaseState): void {
  state.leases.delete(lease.trialId);
  freeDevices(state, lease);
  const sweep = state.sweeps.get(lease.sweepId);
  if (sweep === undefined || lease.purpose === 'control') return;
  requeue(queueOf(sweep, lease.queue), lease.position);
}

/**
 * Ends a lease that gave no record. The point goes back to the queue, or is given up when it keeps losing its
 * nodes.
 * @returns the facts to write.
 */
export function loseLease(state: SchedulerState, lease: LeaseState, at: string, blame: boolean): Fact[] {
  state.leases.delete(lease.trialId);
  state.lost += 1;
  freeDevices(state, lease);
  const sweep = state.sweeps.get(lease.sweepId);
  if (sweep === undefined || lease.purpose === 'control') return [];
  const queue = queueOf(sweep, lease.queue);
  if (lease.purpose === 'quality') {
    if (blame) triesOf(queue, lease.position).losses += 1;
    // Its other numbers are as good as they were.
    if (hasNoTry(sweep, queue, lease.position)) queue.stale.delete(lease.position);
  } else if (blame && !queue.settled.has(lease.position)) {
    const tries = triesOf(queue, lease.position);
    tries.losses += 1;
    if (tries.losses > sweep.view.placement.retries + LOSSES_BEYOND_RETRIES && !sweep.cancelled) {
      const reason = `lease-lost: ${tries.losses} times the node that tried it went silent, last ${lease.node}`;
      return [givenUp(sweep, queue, lease.position, reason, at)];
    }
  }
  requeue(queue, lease.position);
  return [];
}
