import type { Lease } from '../../core/lease.js';
import type { Fact } from '../log/log.js';
import type { Command } from './commands.js';
import { type Dealing, dealBlock } from './deal.js';
import { mayReuse } from './placement.js';
import {
  giveBack,
  type Lane,
  type LeaseState,
  type SchedulerState,
  type SweepState,
  trackKey,
  trackOf,
  triesOf,
} from './state.js';
import { sweepStatus } from './status.js';
import { provesLease, readTrialId, trialId } from './trial-id.js';

/** Leases that may end without a record, beyond the retries, before a point is held to kill its nodes. */
const LOSSES_BEYOND_RETRIES = 2;
const RETRY_SECONDS = 2;
const IDLE_RETRY_SECONDS = 15;

/** Answers a lane that is free: a lease, or when to ask again. */
export function askForWork(state: SchedulerState, lane: Lane, now: number, at: string): Command[] {
  const dealing: Dealing = { facts: [], unfinished: false };
  const { leaseKey } = state;
  const leaving = state.draining || state.nodes.get(lane.node)?.leaving !== null;
  const lease =
    leaving || lane.trialId !== null || leaseKey === null
      ? null
      : nextLease(state, lane, leaseKey, now, at, dealing);
  const commands: Command[] = dealing.facts.length > 0 ? [{ command: 'append', facts: dealing.facts }] : [];
  if (lease !== null) {
    lane.waiting = false;
    return [...commands, { command: 'grant', lease }];
  }
  lane.waiting = !leaving;
  const idle =
    dealing.facts.length === 0 && [...state.sweeps.values()].every((s) => sweepStatus(s).state !== 'running');
  // Settling points by facts, or a search cut short: there may be more at once.
  const soon = dealing.facts.length > 0 || dealing.unfinished;
  const retrySeconds = soon ? 0.02 : idle ? IDLE_RETRY_SECONDS : RETRY_SECONDS;
  return [...commands, { command: 'no-work', deviceId: lane.deviceId, retrySeconds, idle }];
}

function nextLease(
  state: SchedulerState,
  lane: Lane,
  leaseKey: string,
  now: number,
  at: string,
  dealing: Dealing,
): Lease | null {
  while (lane.block !== null || dealBlock(state, lane, at, dealing)) {
    const block = lane.block!;
    const sweep = state.sweeps.get(block.sweepId);
    if (sweep === undefined) {
      lane.block = null;
      continue;
    }
    const next = nextOfBlock(state, sweep, lane, dealing.facts);
    if (next === null) lane.block = null;
    else return lend(state, sweep, lane, next, leaseKey, now);
  }
  return null;
}

/** The block's order: control, its positions, control. @returns null when the block is over. */
function nextOfBlock(
  state: SchedulerState,
  sweep: SweepState,
  lane: Lane,
  facts: Fact[],
): { position: number; purpose: 'measure' | 'control' } | null {
  const block = lane.block!;
  const track = trackOf(sweep, block.track);
  if (block.stage === 'begin') {
    block.stage = 'measure';
    if (block.control !== null) return { position: block.control, purpose: 'control' };
  }
  while (block.pending.length > 0) {
    const position = block.pending.shift()!;
    if (track.settled.has(position)) continue;
    const experiment = sweep.view.experimentAt(position, track.node);
    const known = state.known.get(experiment.id);
    const node = state.nodes.get(lane.node);
    if (known === undefined || node === undefined || !mayReuse(known, experiment, node.profile)) {
      return { position, purpose: 'measure' };
    }
    // Measured meanwhile, for another sweep: stays `out` until the fact settles it.
    facts.push({
      fact: 'ResultReused',
      sweepId: sweep.view.sweepId,
      position,
      experimentId: experiment.id,
      trialId: known.trialId,
      node: track.node,
    });
  }
  if (block.stage === 'measure' && block.control !== null) {
    block.stage = 'end';
    return { position: block.control, purpose: 'control' };
  }
  return null;
}

function lend(
  state: SchedulerState,
  sweep: SweepState,
  lane: Lane,
  { position, purpose }: { position: number; purpose: 'measure' | 'control' },
  leaseKey: string,
  now: number,
): Lease {
  const { view } = sweep;
  const block = lane.block!;
  const track = trackOf(sweep, block.track);
  const tries = purpose === 'measure' ? track.tries.get(position) : undefined;
  const attempt = tries === undefined ? 1 : tries.attempts + tries.losses + tries.elsewhere.size + 1;
  state.trialsNamed += 1;
  const name = { sweepId: view.sweepId, position, block: block.number, purpose, attempt };
  const experiment = view.experimentAt(position, track.node);
  const holder = { node: lane.node, deviceId: lane.deviceId, experimentId: experiment.id };
  const unique = `${state.options.incarnation}${state.trialsNamed.toString(36)}`;
  const id = trialId(name, unique, holder, leaseKey);
  hold(state, lane, { ...name, trialId: id, track: block.track }, now);
  state.granted[purpose] += 1;
  return {
    trialId: id,
    sweepName: view.name,
    ...name,
    deviceId: lane.deviceId,
    experiment,
    leaseSeconds: state.options.leaseSeconds,
  };
}

function hold(
  state: SchedulerState,
  lane: Lane,
  lease: Omit<LeaseState, 'node' | 'deviceId' | 'expiresAt'>,
  now: number,
): void {
  lane.trialId = lease.trialId;
  state.leases.set(lease.trialId, {
    ...lease,
    node: lane.node,
    deviceId: lane.deviceId,
    expiresAt: now + state.options.leaseSeconds,
  });
}

/**
 * A node says that it runs this trial: renews its lease, or takes it up again when this coordinator did
 * not give it (it was restarted) or has let it expire and nobody else has the point yet. Only the node that it was
 * leased to may: the id's signature names it, and the device.
 * @returns false when the trial is not wanted any more.
 */
export function renewOrAdopt(state: SchedulerState, node: string, id: string, now: number): boolean {
  const lease = state.leases.get(id);
  if (lease !== undefined) {
    if (lease.node !== node) return false;
    lease.expiresAt = now + state.options.leaseSeconds;
    return state.sweeps.get(lease.sweepId)?.cancelled === false;
  }
  // Recorded already: its acknowledgement is on the way.
  if (state.recorded.has(id)) return true;
  const name = readTrialId(id);
  const sweep = name === null ? undefined : state.sweeps.get(name.sweepId);
  if (name === null || sweep === undefined || sweep.cancelled || name.position >= sweep.view.count)
    return false;
  const lanes = [...(state.nodes.get(node)?.lanes.values() ?? [])];
  const track = trackKey(sweep, node);
  const points = trackOf(sweep, track);
  if (name.purpose === 'measure' && (points.settled.has(name.position) || points.out.has(name.position))) {
    return false;
  }
  const { leaseKey } = state;
  const experimentId = sweep.view.experimentAt(name.position, points.node).id;
  const lane = lanes.find(
    ({ trialId: held, deviceId }) =>
      held === null && leaseKey !== null && provesLease(id, { node, deviceId, experimentId }, leaseKey),
  );
  if (lane === undefined) return false;
  if (name.purpose === 'measure') {
    points.out.add(name.position);
    const index = points.returned.indexOf(name.position);
    if (index >= 0) points.returned.splice(index, 1);
  }
  sweep.nextBlock = Math.max(sweep.nextBlock, name.block + 1);
  hold(state, lane, { ...name, trialId: id, track }, now);
  return true;
}

/**
 * Ends a lease that gave no record: the point goes back, or is given up when it keeps losing its nodes.
 * @returns the facts to write.
 */
export function loseLease(state: SchedulerState, lease: LeaseState, at: string, blame: boolean): Fact[] {
  state.leases.delete(lease.trialId);
  state.lost += 1;
  const lane = state.nodes.get(lease.node)?.lanes.get(lease.deviceId);
  if (lane?.trialId === lease.trialId) lane.trialId = null;
  const sweep = state.sweeps.get(lease.sweepId);
  if (sweep === undefined || lease.purpose === 'control') return [];
  const track = trackOf(sweep, lease.track);
  if (track.settled.has(lease.position)) return [];
  if (blame) {
    const tries = triesOf(track, lease.position);
    tries.losses += 1;
    if (tries.losses > sweep.view.placement.retries + LOSSES_BEYOND_RETRIES && !sweep.cancelled) {
      return [
        {
          fact: 'ExperimentGivenUp',
          sweepId: lease.sweepId,
          position: lease.position,
          experimentId: sweep.view.experimentAt(lease.position, track.node).id,
          node: track.node,
          reason: `lease-lost: ${tries.losses} times the node that tried it went silent, last ${lease.node}`,
          at,
        },
      ];
    }
  }
  giveBack(track, lease.position);
  return [];
}
