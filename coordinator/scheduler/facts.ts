import type { FactHead, ResultHead } from '../log/log.js';
import type { Outcome } from './outcomes.js';
import { attemptCost, elsewhereReason, judge } from './retry.js';
import {
  joinAxis,
  type PointQueue,
  queueKey,
  queueOf,
  requeue,
  type SchedulerState,
  type SweepState,
  triesOf,
} from './state.js';
import type { SweepView } from './view.js';

/** Newest trials that the estimate of the time left looks at. */
const REMEMBERED_TRIALS = 101;

/**
 * The projection: what a fact of the log does to the state. Live facts and a rebuild after a restart take
 * this same way, so both give the same state.
 * @param view the sweep of a SweepSubmitted; null for other facts, or when its document cannot be read any more.
 */
export function applyFact(state: SchedulerState, fact: FactHead, view: SweepView | null): void {
  switch (fact.fact) {
    case 'SweepSubmitted':
      if (view !== null) submit(state, view, fact.at);
      else keepForReading(state, fact);
      return;
    case 'LeaseKeyCreated':
      // Of two coordinators that began at once the first one wrote it.
      state.leaseKey ??= fact.key;
      return;
    case 'Damaged':
      return;
    case 'SweepCancelled': {
      const sweep = state.sweeps.get(fact.sweepId);
      if (sweep !== undefined) cancel(state, sweep);
      return;
    }
    case 'ResultRecorded':
      record(state, fact.record);
      return;
    case 'ResultReused': {
      const queue = existingQueue(state, fact.sweepId, fact.node ?? '');
      if (queue === null) return;
      settle(queue, fact.position, { state: 'complete', trialId: fact.trialId, reused: true, reason: null });
      return;
    }
    case 'ExperimentGivenUp': {
      const queue = existingQueue(state, fact.sweepId, fact.node ?? '');
      if (queue === null) return;
      const trialId = queue.tries.get(fact.position)?.failedTrialId ?? null;
      settle(queue, fact.position, { state: 'failed', trialId, reused: false, reason: fact.reason });
      return;
    }
  }
}

/** A fact that must not be applied: a trial is remembered as recorded, and counts for nothing. */
export function skipFact(state: SchedulerState, fact: FactHead): void {
  if (fact?.fact !== 'ResultRecorded' || typeof fact.record?.trialId !== 'string') return;
  state.recorded.add(fact.record.trialId);
  state.forged.add(fact.record.trialId);
}

/** A sweep that this release does not resume is remembered by name, so that its results are found. */
function keepForReading(
  state: SchedulerState,
  { sweepId, document, at }: Extract<FactHead, { fact: 'SweepSubmitted' }>,
): void {
  if (state.otherReleases.has(sweepId)) return;
  const name = /^\s*metadata:[\s{]*name:[ \t]*["']?([^\s"',}#]{1,200})/m.exec(document)?.[1] ?? sweepId;
  const counts = { complete: 0, invalid: 0, failed: 0 };
  state.otherReleases.set(sweepId, { sweepId, name, submittedAt: at, counts });
}

/** The first submission makes the sweep; a later one takes it up again, with what was given up. */
function submit(state: SchedulerState, view: SweepView, at: string): void {
  const known = state.sweeps.get(view.sweepId);
  if (known === undefined) {
    const sweep: SweepState = {
      view,
      submittedAt: at,
      cancelled: false,
      nextBlock: 0,
      trials: state.recorded,
      queues: new Map(),
      trialSeconds: [],
    };
    if (!view.placement.perNode) queueOf(sweep, '');
    for (const node of state.nodes.values()) if (!node.lost) joinAxis(sweep, node.profile);
    state.sweeps.set(view.sweepId, sweep);
    return;
  }
  known.cancelled = false;
  for (const queue of known.queues.values()) {
    for (const [position, outcome] of [...queue.settled.others()]) {
      if (outcome.state !== 'failed') continue;
      queue.settled.delete(position);
      queue.counts.failed -= 1;
      queue.tries.delete(position);
      if (isHeld(state, known, queue, position)) queue.inFlight.add(position);
      else requeue(queue, position);
    }
  }
}

/** True when a block or a lease still has the position, though a late record had settled it. */
function isHeld(state: SchedulerState, sweep: SweepState, queue: PointQueue, position: number): boolean {
  const key = queue.node ?? '';
  const { sweepId } = sweep.view;
  const leased = [...state.leases.values()].some(
    (lease) =>
      lease.sweepId === sweepId &&
      lease.queue === key &&
      lease.position === position &&
      lease.purpose === 'measure',
  );
  const inBlock = [...state.nodes.values()].some((node) =>
    [...node.slots.values()].some(
      ({ block }) => block?.sweepId === sweepId && block.queue === key && block.pending.includes(position),
    ),
  );
  return leased || inBlock;
}

function cancel(state: SchedulerState, sweep: SweepState): void {
  sweep.cancelled = true;
  for (const node of state.nodes.values()) {
    for (const slot of node.slots.values()) {
      if (slot.block?.sweepId !== sweep.view.sweepId) continue;
      const queue = queueOf(sweep, slot.block.queue);
      for (const position of slot.block.pending) requeue(queue, position);
      slot.block = null;
    }
  }
}

function record(state: SchedulerState, result: ResultHead): void {
  state.recorded.add(result.trialId);
  const lease = state.leases.get(result.trialId);
  if (lease !== undefined) {
    state.leases.delete(result.trialId);
    const slot = state.nodes.get(lease.node)?.slots.get(lease.deviceId);
    if (slot?.trialId === result.trialId) slot.trialId = null;
  }
  const measured = result.sweep.purpose === 'measure';
  const other = state.otherReleases.get(result.sweep.id);
  if (other !== undefined && measured) {
    other.counts[result.status === 'failed' ? 'failed' : result.valid ? 'complete' : 'invalid'] += 1;
  }
  const sweep = state.sweeps.get(result.sweep.id);
  // What no sweep asked for was never leased, so it counts for nothing.
  if (sweep === undefined && other === undefined) return;
  if (measured && result.status === 'complete' && result.valid && !state.known.has(result.experimentId)) {
    const { engine } = result.environment;
    state.known.set(result.experimentId, {
      trialId: result.trialId,
      engine: typeof engine === 'string' ? engine : null,
    });
  }
  if (sweep === undefined) return;
  sweep.nextBlock = Math.max(sweep.nextBlock, result.sweep.block + 1);
  if (!measured || result.sweep.position >= sweep.view.count) return;
  if (result.status === 'complete') rememberSeconds(sweep, result);
  const queue = queueOf(sweep, queueKey(sweep, result.node.name));
  count(queue, result, sweep.view.placement.retries, lease !== undefined);
}

function count(queue: PointQueue, result: ResultHead, retries: number, leased: boolean): void {
  const { position } = result.sweep;
  const settled = queue.settled.get(position);
  const verdict = judge(result, queue.tries.get(position), retries);
  if (verdict.verdict === 'complete') {
    // The first valid result counts; it replaces what was reported for want of one.
    if (settled?.state !== 'complete') {
      settle(queue, position, { state: 'complete', trialId: result.trialId, reused: false, reason: null });
    }
    return;
  }
  if (settled !== undefined) return;
  const tries = triesOf(queue, position);
  tries.attempts += attemptCost(result);
  if (result.status === 'complete') tries.invalidTrialId = result.trialId;
  else tries.failedTrialId = result.trialId;
  const elsewhere = elsewhereReason(result);
  if (elsewhere !== null) tries.elsewhere.set(result.node.name, elsewhere);
  if (verdict.verdict === 'invalid') {
    settle(queue, position, { state: 'invalid', trialId: verdict.trialId, reused: false, reason: null });
  } else if (leased) {
    // `give-up` settles with the ExperimentGivenUp that is written in the same append.
    if (verdict.verdict === 'again') requeue(queue, position);
  }
}

function settle(queue: PointQueue, position: number, outcome: Outcome): void {
  const before = queue.settled.get(position);
  if (before !== undefined && RANK[before.state] >= RANK[outcome.state]) return;
  if (before !== undefined) tally(queue, before, -1);
  tally(queue, outcome, 1);
  queue.settled.set(position, outcome);
  queue.tries.delete(position);
  queue.inFlight.delete(position);
}

function tally(queue: PointQueue, outcome: Outcome, change: 1 | -1): void {
  queue.counts[outcome.state] += change;
  if (outcome.reused) queue.counts.reused += change;
}

const RANK = { failed: 0, invalid: 1, complete: 2 } as const;

function existingQueue(state: SchedulerState, sweepId: string, key: string): PointQueue | null {
  const sweep = state.sweeps.get(sweepId);
  return sweep === undefined ? null : queueOf(sweep, key);
}

function rememberSeconds(sweep: SweepState, result: ResultHead): void {
  const seconds = (Date.parse(result.endedAt) - Date.parse(result.startedAt)) / 1000;
  if (!Number.isFinite(seconds) || seconds < 0) return;
  sweep.trialSeconds.push(seconds);
  if (sweep.trialSeconds.length > REMEMBERED_TRIALS) sweep.trialSeconds.shift();
}
