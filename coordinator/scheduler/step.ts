import type { ResultRecord } from '../../core/result/result.js';
import { questionsId } from '../../core/sweep/identity.js';
import type { Fact } from '../log/log.js';
import { releaseBlock } from './block-allocator.js';
import { appendOf, type Command, type Event } from './commands.js';
import { OUT_OF_TIME, overdue } from './deadline.js';
import { beginDeletion, deletionRefusal } from './deletion.js';
import { hasNoTry, letGo, loseLease, renewOrAdopt, requestWork } from './leasing.js';
import { doubtQuestions, questionsChanged } from './stale.js';
import { endStalled } from './stalled.js';
import {
  givenUp,
  joinAxis,
  type NodeState,
  queueKey,
  queueOf,
  requeue,
  type SchedulerState,
  type Slot,
  slotsOf,
  triesOf,
} from './state.js';
import { sweepStatus } from './status.js';
import { refusalOf } from './trust.js';
import { attemptCost, judge } from './verdict.js';
import { noteWaits } from './waits.js';
import { wakeWaiting } from './waking.js';

/**
 * The scheduler: an event changes the state and gives commands. No clock and no I/O: time comes with the
 * events, writing is a command, and what was written comes back through `applyFact`.
 */
export function step(state: SchedulerState, event: Event): Command[] {
  switch (event.event) {
    case 'node-joined':
      return joined(state, event);
    case 'node-disconnected': {
      const node = state.nodes.get(event.node);
      if (node !== undefined) {
        node.connected = false;
        node.seenAt = event.now;
        for (const slot of node.slots.values()) state.waiting.delete(slot);
      }
      return [];
    }
    case 'node-leaving':
      return leaving(state, event.node, event.returnedTrialIds);
    case 'work-requested': {
      const node = markSeen(state, event.node, event.now);
      const slot = node?.slots.get(event.deviceId);
      if (slot !== undefined) return requestWork(state, slot, event.now, event.at);
      return [
        { command: 'no-work', deviceId: event.deviceId, retrySeconds: 15, idle: false, undecided: false },
      ];
    }
    case 'heartbeat': {
      markSeen(state, event.node, event.now);
      return event.trialIds
        .filter((trialId) => !renewOrAdopt(state, event.node, trialId, event.now))
        .map((trialId) => ({
          command: 'stop-trial',
          node: event.node,
          trialId,
          reason: 'its lease is over, or its sweep was cancelled',
        }));
    }
    case 'trial-lost': {
      const lease = state.leases.get(event.trialId);
      return appendOf(lease === undefined ? [] : loseLease(state, lease, event.at, true));
    }
    case 'reported':
      return reported(state, event);
    case 'questions-doubted': {
      const sweep = state.sweeps.get(event.sweepId);
      if (sweep !== undefined && !sweep.cancelled) doubtQuestions(state, sweep);
      return wakeWaiting(state);
    }
    case 'cancel-requested':
      return cancelAsked(state, event.sweepId, event.reason, event.at);
    case 'delete-requested':
      return deleteAsked(state, event.sweepId, event.reason, event.at);
    case 'pin-requested':
    case 'unpin-requested':
      return pinAsked(state, event);
    case 'pause-requested':
    case 'resume-requested':
      return pauseAsked(state, event);
    case 'tick':
      return tick(state, event.now, event.at, event.crowded);
    case 'took-over': {
      const { leaseSeconds } = state.options;
      const nodes = new Set(event.nodes);
      state.awaited = nodes.size === 0 ? null : { nodes, until: event.now + leaseSeconds };
      return [];
    }
    case 'drain': {
      state.draining = true;
      const connected = [...state.nodes.values()].filter((node) => node.connected);
      return connected.map((node) => ({
        command: 'pause-node',
        node: node.profile.name,
        reason: event.reason,
      }));
    }
    case 'cordon-requested':
    case 'uncordon-requested':
      return cordonAsked(state, event);
    case 'drain-requested':
      return drainAsked(state, event.node, event.reason);
  }
}

/**
 * Another coordinator leads: what only whoever leads knows is forgotten, and what was dealt goes back, so
 * that the state is as one that was read from the log. Leases are lost to nobody: their nodes say elsewhere
 * what they still run.
 */
export function standDown(state: SchedulerState): void {
  for (const lease of [...state.leases.values()]) letGo(state, lease);
  for (const slot of slotsOf(state)) releaseBlock(state, slot);
  for (const sweep of state.sweeps.values()) sweep.wait = null;
  state.nodes.clear();
  state.waiting.clear();
  state.awaited = null;
}

/**
 * Takes back the leases of a decision whose facts could not be written: nobody was told of them, so their
 * devices and points are free again.
 */
export function withdrawGrants(state: SchedulerState, decided: readonly Command[]): void {
  for (const command of decided) {
    if (command.command !== 'grant') continue;
    const lease = state.leases.get(command.lease.trialId);
    if (lease !== undefined) letGo(state, lease);
  }
}

/**
 * The facts of a command could not be written: points that waited for them go back to the queue. A report's
 * points are wherever they were, for its agent sends it again.
 */
export function notWritten(state: SchedulerState, facts: readonly Fact[]): void {
  if (facts.some((fact) => fact.fact === 'ResultRecorded')) return;
  for (const fact of facts) {
    if (fact.fact === 'SweepDeleted') state.deleting.delete(fact.sweepId);
    if (fact.fact !== 'ResultReused' && fact.fact !== 'ExperimentGivenUp') continue;
    const sweep = state.sweeps.get(fact.sweepId);
    const queue = sweep === undefined ? undefined : queueOf(sweep, fact.node ?? '');
    // Several facts may be about one point, which goes back once.
    if (queue?.inFlight.has(fact.position)) requeue(queue, fact.position);
  }
}

function joined(state: SchedulerState, event: Extract<Event, { event: 'node-joined' }>): Command[] {
  const { profile, instance, trialIds, endedTrialIds = [], now } = event;
  const before = state.nodes.get(profile.name);
  const running = new Set([...trialIds, ...endedTrialIds]);
  const commands: Command[] = [];
  if (before !== undefined) {
    // What the node had been allocated under its old profile may not fit the new one.
    forgetSlots(state, before);
    for (const lease of [...state.leases.values()]) {
      if (lease.node !== profile.name || running.has(lease.trialId)) continue;
      // Another instance: the agent died, perhaps of this trial.
      commands.push(...appendOf(loseLease(state, lease, event.at, before.instance !== instance)));
    }
  }
  const node: NodeState = {
    profile,
    instance,
    connected: true,
    lost: false,
    leaving: before?.instance === instance ? before.leaving : null,
    seenAt: now,
    gathering: null,
    slots: new Map(
      profile.devices.map((device): [string, Slot] => [
        device.id,
        {
          node: profile.name,
          deviceId: device.id,
          block: null,
          trialId: before?.slots.get(device.id)?.trialId ?? null,
          left: null,
          deferredSeen: new Map(),
        },
      ]),
    ),
  };
  state.nodes.set(profile.name, node);
  for (const sweep of state.sweeps.values()) joinAxis(sweep, profile);
  const unknown = trialIds.filter((trialId) => !renewOrAdopt(state, profile.name, trialId, now));
  // Of those that have ended nothing is to be stopped.
  for (const trialId of endedTrialIds) renewOrAdopt(state, profile.name, trialId, now, true);
  const answer: Command = { command: 'unknown-trials', trialIds: unknown };
  const last = heardFrom(state, profile.name);
  // Somebody new makes no work for those who wait, and of ten thousand who join each would be looked at each
  // time.
  return [...commands, answer, ...(before !== undefined || last ? wakeWaiting(state) : [])];
}

/**
 * A node has said what it still runs, or that it leaves.
 * @returns whether it was the last that was waited for.
 */
function heardFrom(state: SchedulerState, name: string): boolean {
  const { awaited } = state;
  const last = awaited?.nodes.delete(name) === true && awaited.nodes.size === 0;
  if (last) state.awaited = null;
  return last;
}

/** What runs there is finished; what was only allocated goes to others. The same again is no news. */
function cordonAsked(
  state: SchedulerState,
  { event, node, reason, at }: Extract<Event, { event: 'cordon-requested' | 'uncordon-requested' }>,
): Command[] {
  const cordon = event === 'cordon-requested';
  if (cordon ? state.cordoned.get(node) === reason : !state.cordoned.has(node)) return [];
  const fact = cordon ? ('NodeCordoned' as const) : ('NodeUncordoned' as const);
  if (cordon) for (const slot of state.nodes.get(node)?.slots.values() ?? []) releaseBlock(state, slot);
  return [{ command: 'append', facts: [{ fact, node, reason, at }] }];
}

function drainAsked(state: SchedulerState, name: string, reason: string): Command[] {
  const node = state.nodes.get(name);
  if (node === undefined) return [];
  node.leaving = reason;
  forgetSlots(state, node);
  return [{ command: 'drain-node', node: name, reason }, ...wakeWaiting(state)];
}

/** What was dealt to a node goes to others, and nobody there waits. */
function forgetSlots(state: SchedulerState, node: NodeState): void {
  for (const slot of node.slots.values()) {
    releaseBlock(state, slot);
    state.waiting.delete(slot);
  }
}

function leaving(state: SchedulerState, name: string, returned: readonly string[]): Command[] {
  const node = state.nodes.get(name);
  if (node === undefined) return [];
  for (const trialId of returned) {
    const lease = state.leases.get(trialId);
    if (lease?.node === name) loseLease(state, lease, '', false);
  }
  forgetSlots(state, node);
  return wakeWaiting(state);
}

function reported(
  state: SchedulerState,
  { record, json = null, answered = null, at }: Extract<Event, { event: 'reported' }>,
): Command[] {
  const acknowledge: Command = { command: 'acknowledge', trialId: record.trialId };
  const known = state.recorded.has(record.trialId);
  const reason = refusalOf(state, record);
  if (reason !== null) return refused(state, record, reason, at);
  if (known) return [acknowledge];
  if (record.sweep.purpose === 'quality')
    return [...appendOf(asked(state, record, answered, at)), acknowledge];
  const facts: Fact[] = [{ fact: 'ResultRecorded', record, ...(json !== null && { json }) }];
  const sweep = state.sweeps.get(record.sweep.id);
  if (sweep !== undefined && record.sweep.purpose !== 'control') {
    const key = queueKey(sweep, record.node.name);
    const queue = queueOf(sweep, key);
    const { position } = record.sweep;
    const verdict = judge(record, queue, sweep.view);
    if (verdict.verdict === 'give-up' && !queue.settled.has(position)) {
      facts.push({
        ...givenUp(sweep, queue, position, verdict.reason, at),
        experimentId: record.experimentId,
      });
    }
  }
  return [{ command: 'append', facts }, acknowledge];
}

/**
 * Decides about a report of new answers. The questions that its node reports are written down where the
 * sweep's own are in doubt.
 * @param answered the record that takes the place of the one with the old answers; null = those stay, or none
 *   is here.
 * @returns the facts to write.
 */
function asked(
  state: SchedulerState,
  record: ResultRecord,
  answered: ResultRecord | null,
  at: string,
): Fact[] {
  const { sweep: about, trialId, quality } = record;
  const sweep = state.sweeps.get(about.id);
  if (sweep === undefined) return [];
  const queue = queueOf(sweep, queueKey(sweep, record.node.name));
  if (record.status === 'failed') triesOf(queue, about.position).failed += attemptCost(record);
  const again = record.status === 'failed' && !hasNoTry(sweep, queue, about.position);
  const lease = state.leases.get(trialId);
  if (lease !== undefined && (again || answered === null)) loseLease(state, lease, at, false);
  if (again) return [];
  const questions = quality === null ? null : questionsId(quality.questions);
  const isNews = questions !== null && (sweep.doubted || sweep.questions === null);
  const facts: Fact[] = [];
  if (isNews && questions !== sweep.questions)
    facts.push({ fact: 'QuestionsChanged', sweepId: about.id, questions, at });
  // Where facts are still to be written, they end the doubt: until then nobody may take the sweep for
  // complete.
  if (facts.length === 0 && answered === null) queue.stale.delete(about.position);
  // Answers that could not be had before are asked for once more.
  if (isNews && questions === sweep.questions) questionsChanged(state, sweep, questions);
  if (answered !== null) facts.push({ fact: 'ResultRecorded', record: answered });
  return facts;
}

/**
 * The record is left out; a lease of its sender under this id has come to nothing, so the point is tried
 * again.
 */
function refused(state: SchedulerState, record: ResultRecord, reason: string, at: string): Command[] {
  const { trialId } = record;
  const lease = state.leases.get(trialId);
  const facts = lease?.node === record.node.name ? loseLease(state, lease, at, true) : [];
  const refuse: Command = { command: 'refuse', trialId, reason };
  return [...appendOf(facts), refuse];
}

function cancelAsked(state: SchedulerState, sweepId: string, reason: string, at: string): Command[] {
  const sweep = state.sweeps.get(sweepId);
  if (sweep === undefined || sweep.cancelled) return [];
  const stops = [...state.leases.values()]
    .filter((lease) => lease.sweepId === sweepId)
    .map((lease): Command => ({ command: 'stop-trial', node: lease.node, trialId: lease.trialId, reason }));
  return [{ command: 'append', facts: [{ fact: 'SweepCancelled', sweepId, reason, at }] }, ...stops];
}

function deleteAsked(state: SchedulerState, sweepId: string, reason: string, at: string): Command[] {
  const refusal = deletionRefusal(state, sweepId);
  if (refusal !== null) return [{ command: 'not-deleted', sweepId, reason: refusal }];
  beginDeletion(state, sweepId);
  return [{ command: 'append', facts: [{ fact: 'SweepDeleted', sweepId, reason, at }] }];
}

/** The same again is no news, and what is not there, or is just being deleted, is not pinned. */
function pinAsked(
  state: SchedulerState,
  { event, sweepId, reason, at }: Extract<Event, { event: 'pin-requested' | 'unpin-requested' }>,
): Command[] {
  const isThere = state.sweeps.has(sweepId) || state.otherReleases.has(sweepId);
  if (!isThere || state.deleting.has(sweepId)) return [];
  const pin = event === 'pin-requested';
  if (pin ? state.pinned.get(sweepId) === reason : !state.pinned.has(sweepId)) return [];
  const fact = pin ? 'SweepPinned' : 'SweepUnpinned';
  return [{ command: 'append', facts: [{ fact, sweepId, reason, at }] }];
}

/**
 * A pause stops nothing that runs: those trials are finished and count. What is done is neither paused nor
 * resumed; what was ended before goes on.
 */
function pauseAsked(
  state: SchedulerState,
  { event, sweepId, reason, at }: Extract<Event, { event: 'pause-requested' | 'resume-requested' }>,
): Command[] {
  const sweep = state.sweeps.get(sweepId);
  const pause = event === 'pause-requested';
  if (sweep === undefined) return [];
  const { state: stated } = sweepStatus(sweep);
  if (stated === 'done' || (pause && stated === 'cancelled')) return [];
  if (stated === 'running' && !pause) return [{ command: 'not-paused', sweepId }];
  // Another reason is news, the same one is not.
  if (pause && sweep.paused === reason) return [];
  const fact = pause ? 'SweepPaused' : 'SweepResumed';
  return [{ command: 'append', facts: [{ fact, sweepId, reason, at }] }];
}

function tick(state: SchedulerState, now: number, at: string, crowded = false): Command[] {
  const commands: Command[] = [];
  let returned = false;
  if (state.awaited !== null && now >= state.awaited.until) {
    state.awaited = null;
    returned = true;
  }
  for (const lease of [...state.leases.values()]) {
    if (lease.expiresAt > now) continue;
    const { node, trialId } = lease;
    commands.push(...appendOf(loseLease(state, lease, at, true)), {
      command: 'stop-trial',
      node,
      trialId,
      reason: 'its lease expired',
    });
    returned = true;
  }
  for (const { node, trialId } of overdue(state, now))
    commands.push({ command: 'stop-trial', node, trialId, reason: OUT_OF_TIME });
  for (const node of state.nodes.values()) {
    if (node.lost || now - node.seenAt <= state.options.lostSeconds) continue;
    node.lost = true;
    for (const slot of node.slots.values()) releaseBlock(state, slot);
    returned = true;
  }
  commands.push(...appendOf(endStalled(state, now, at)));
  forget(state, now, crowded);
  noteWaits(state, now);
  return returned ? [...commands, ...wakeWaiting(state)] : commands;
}

/**
 * Drops nodes that are gone for good. This is not written: the log knows results and no nodes, so a state
 * that is read from it again is the same. A node that comes back after all joins as a new one.
 */
function forget(state: SchedulerState, now: number, crowded: boolean): void {
  const working = new Set([...state.leases.values()].map((lease) => lease.node));
  for (const [name, { connected, lost, seenAt }] of state.nodes) {
    const silent = crowded || now - seenAt > state.options.forgetSeconds;
    if (silent && lost && !connected && !working.has(name)) state.nodes.delete(name);
  }
}

function markSeen(state: SchedulerState, name: string, now: number): NodeState | undefined {
  const node = state.nodes.get(name);
  if (node !== undefined) {
    node.seenAt = now;
    node.lost = false;
  }
  return node;
}
