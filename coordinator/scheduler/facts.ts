import { settlingValues } from '../../core/metrics/settling.js';
import { gradingCodesOf } from '../../core/result/warnings.js';
import { DEFAULT_NAMESPACE } from '../../core/sweep/identity.js';
import type { Told } from '../../search/searcher.js';
import { askedOf } from '../log/detail.js';
import type { FactHead, ResultHead } from '../log/log.js';
import { releaseBlock } from './block-allocator.js';
import { deleteSweep } from './deletion.js';
import { chargeTrial } from './namespaces.js';
import type { Outcome } from './outcomes.js';
import { serves } from './placement.js';
import { answersCame, checkTakenOver, questionsChanged, supersede } from './stale.js';
import type { Start } from './starts.js';
import {
  freeDevices,
  joinAxis,
  type NodeState,
  type PointQueue,
  queueKey,
  queueOf,
  requeue,
  type SchedulerState,
  type SweepState,
  slotsOf,
  triesOf,
} from './state.js';
import { readTrialId } from './trial-id.js';
import { attemptCost, elsewhereReason, hasEnoughStarts, judge, widestHalf } from './verdict.js';
import type { SweepView } from './view.js';

/** Newest trials that the estimate of the time left looks at. */
const REMEMBERED_TRIALS = 101;

/**
 * The projection: what a fact of the log does to the state. Live facts and a rebuild after a restart take
 * this same way, so both give the same state.
 * @param view the sweep of a SweepSubmitted; null for other facts, or when its document cannot be read any
 *   more.
 */
export function applyFact(state: SchedulerState, fact: FactHead, view: SweepView | null): void {
  const { sweepId = '' } = fact as { readonly sweepId?: string };
  const sweep = state.sweeps.get(sweepId);
  switch (fact.fact) {
    case 'SweepSubmitted':
      if (view !== null) submit(state, view, fact);
      else keepForReading(state, fact);
      return;
    case 'LeaseKeyCreated':
      // Of two coordinators that began at once the first one wrote it.
      state.leaseKey ??= fact.key;
      return;
    case 'Damaged':
      return;
    case 'NodeCordoned':
      state.cordoned.set(fact.node, fact.reason);
      return;
    case 'NodeUncordoned':
      state.cordoned.delete(fact.node);
      return;
    case 'SweepCancelled':
      if (sweep !== undefined) cancel(state, sweep, fact.reason);
      return;
    case 'SweepDeleted':
      deleteSweep(state, fact.sweepId);
      return;
    case 'SweepPinned':
      if (sweep !== undefined || state.otherReleases.has(sweepId)) state.pinned.set(sweepId, fact.reason);
      return;
    case 'SweepUnpinned':
      state.pinned.delete(sweepId);
      return;
    case 'SweepPaused':
    case 'SweepResumed':
      if (sweep === undefined || (sweep.cancelled && fact.fact === 'SweepPaused')) return;
      sweep.cancelled = false;
      sweep.paused = fact.fact === 'SweepPaused' ? fact.reason : null;
      if (sweep.paused === null) return;
      // Nobody knows how long it will wait.
      sweep.budget = null;
      releaseBlocks(state, sweep);
      return;
    case 'ResultRecorded':
      record(state, fact.record);
      return;
    case 'ResultReused': {
      if (sweep === undefined) return;
      const { position, trialId } = fact;
      sweep.sources.add(readTrialId(trialId)?.sweepId ?? '');
      const start = { trialId, reused: true, ...state.known.startOf(trialId) };
      const queue = queueOf(sweep, fact.node ?? '');
      addStart(sweep.view, queue, position, start, true);
      checkTakenOver(state, sweep, queue, position);
      return;
    }
    case 'QuestionsChanged':
      if (sweep !== undefined) questionsChanged(state, sweep, fact.questions);
      return;
    case 'PromotionDecided':
      if (sweep !== undefined) queueOf(sweep, fact.node ?? '').search?.note(fact);
      return;
    case 'ExperimentGivenUp': {
      if (sweep === undefined) return;
      const { position, reason } = fact;
      const queue = queueOf(sweep, fact.node ?? '');
      // What has valid starts has a number: it gets no more of them.
      if (settleShort(queue, position)) return;
      const trialId = queue.tries.get(position)?.failedTrialId ?? null;
      settle(queue, position, { state: 'failed', trialId, reused: false, gradingCodes: [], reason });
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

/**
 * A sweep that this release does not resume is remembered by its name, which has 63 characters at most, so
 * that its results are found.
 */
function keepForReading(
  state: SchedulerState,
  { sweepId, document, at }: Extract<FactHead, { fact: 'SweepSubmitted' }>,
): void {
  if (state.otherReleases.has(sweepId)) return;
  const name = /^\s*metadata:[\s{]*name:[ \t]*["']?([^\s"',}#]{1,63})/m.exec(document)?.[1] ?? sweepId;
  const counts = { complete: 0, invalid: 0, failed: 0 };
  state.otherReleases.set(sweepId, { sweepId, name, submittedAt: at, counts });
}

/**
 * The first submission makes the sweep; a later one takes it up again, with what was given up or came out
 * invalid.
 */
function submit(
  state: SchedulerState,
  view: SweepView,
  { at, budgetSeconds, priority = 0 }: Extract<FactHead, { fact: 'SweepSubmitted' }>,
): void {
  const budget = budgetSeconds === undefined ? null : { seconds: budgetSeconds, beganAt: null, short: false };
  const known = state.sweeps.get(view.sweepId);
  if (priority !== 0) state.severalTurns = true;
  if (known === undefined) {
    addSweep(state, view, { priority, submittedAt: at, budget });
    return;
  }
  known.view = view;
  // Which nodes may run it may have changed; what has begun is finished.
  releaseBlocks(state, known, ({ profile }) => !serves(profile, view));
  known.priority = priority;
  known.cancelled = false;
  known.budget = budget;
  for (const queue of known.queues.values()) {
    goOn(queue);
    if (queue.counts.failed + queue.counts.invalid === 0) continue;
    for (const [position, outcome] of [...queue.settled]) {
      if (outcome.state === 'complete') continue;
      queue.settled.delete(position);
      tally(queue, outcome, -1);
      queue.tries.delete(position);
      if (isHeld(state, known, queue, position)) queue.inFlight.add(position);
      else requeue(queue, position);
    }
  }
}

/** @returns a sweep of which nothing is known but that it was submitted. */
export function addSweep(
  state: SchedulerState,
  view: SweepView,
  { priority, submittedAt, budget }: Pick<SweepState, 'priority' | 'submittedAt' | 'budget'>,
): SweepState {
  if (priority !== 0 || view.namespace !== DEFAULT_NAMESPACE) state.severalTurns = true;
  const sweep: SweepState = {
    view,
    priority,
    submittedAt,
    budget,
    cancelled: false,
    ended: null,
    lastNode: null,
    stalled: null,
    wait: null,
    paused: null,
    questions: null,
    doubted: false,
    nextBlock: 0,
    trials: state.recorded,
    queues: new Map(),
    trialSeconds: [],
    sources: new Set(),
  };
  if (!view.placement.perNode) queueOf(sweep, '');
  for (const node of state.nodes.values()) if (!node.lost) joinAxis(sweep, node.profile);
  state.sweeps.set(view.sweepId, sweep);
  return sweep;
}

/** Points that were settled by fewer starts than were asked for wait for more. */
function goOn(queue: PointQueue): void {
  for (const position of queue.cut) {
    tally(queue, queue.settled.get(position)!, -1);
    queue.settled.delete(position);
    queue.starts.takeUp(position);
    queue.starts.wait(position);
  }
  queue.cut.clear();
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
      lease.purpose !== 'control',
  );
  const inBlock = [...slotsOf(state)].some(
    ({ block }) => block?.sweepId === sweepId && block.queue === key && block.pending.includes(position),
  );
  return leased || inBlock;
}

function cancel(state: SchedulerState, sweep: SweepState, reason: string): void {
  sweep.cancelled = true;
  sweep.ended = reason;
  sweep.stalled = null;
  sweep.paused = null;
  releaseBlocks(state, sweep);
}

/** Takes the sweep's blocks away from nodes; what was not begun goes back to its queues. */
function releaseBlocks(
  state: SchedulerState,
  sweep: SweepState,
  from: (node: NodeState) => boolean = () => true,
): void {
  for (const node of state.nodes.values()) {
    if (!from(node)) continue;
    for (const slot of node.slots.values()) {
      if (slot.block?.sweepId === sweep.view.sweepId) releaseBlock(state, slot);
    }
  }
}

function record(state: SchedulerState, result: ResultHead): void {
  state.recorded.add(result.trialId);
  const lease = state.leases.get(result.trialId);
  if (lease !== undefined) {
    state.leases.delete(result.trialId);
    freeDevices(state, lease);
  }
  const measured = result.sweep.purpose === 'measure';
  const other = state.otherReleases.get(result.sweep.id);
  if (other !== undefined && measured) {
    other.counts[result.status === 'failed' ? 'failed' : result.valid ? 'complete' : 'invalid'] += 1;
  }
  const sweep = state.sweeps.get(result.sweep.id);
  // What no sweep asked for was never leased, so it counts for nothing.
  if (sweep === undefined && other === undefined) return;
  const queue = sweep === undefined ? null : queueOf(sweep, queueKey(sweep, result.node.name));
  const repeated = measured && queue !== null && isRepeated(queue, result);
  if (repeated) state.repeated.add(result.trialId);
  if (!repeated && measured && result.status === 'complete' && result.valid) {
    const { engine, engineBuild } = result.environment;
    state.known.add(result.experimentId, {
      trialId: result.trialId,
      engine: typeof engine === 'string' ? engine : null,
      build: typeof engineBuild === 'string' ? engineBuild : null,
      values: settlingValues(result.measurements),
      gradingCodes: gradingCodesOf(result.warnings),
      questions: askedOf(result)?.questions ?? null,
    });
  }
  const { supersedes } = result;
  if (supersedes !== undefined) supersede(state, supersedes, result.trialId);
  if (sweep === undefined || queue === null) return;
  // A record that takes another's place has its times: only the seconds of asking are charged.
  const seconds = supersedes === undefined ? secondsOf(result) : askedOf(result)?.seconds;
  chargeTrial(state, sweep, lease, { seconds: seconds ?? 0, position: result.sweep.position });
  sweep.nextBlock = Math.max(sweep.nextBlock, result.sweep.block + 1);
  sweep.lastNode = result.node.name;
  if (result.sweep.purpose === 'control' || result.sweep.position >= sweep.view.count) return;
  if (supersedes !== undefined && lease?.purpose !== 'measure') {
    const { position } = result.sweep;
    answersCame(queue, position, result.trialId);
    if (lease !== undefined) requeue(queue, position);
    return;
  }
  if (result.sweep.purpose === 'probe' && result.status === 'complete' && result.valid) {
    noteProbe(queue, result, lease !== undefined);
    return;
  }
  if (result.status === 'complete') rememberSeconds(sweep, result);
  if (!repeated) count(sweep.view, queue, result, lease !== undefined);
  else if (lease !== undefined && !queue.settled.has(result.sweep.position))
    waitForNextPass(queue, result.sweep.position);
}

/** A probe is no start: its point waits until the search wants it measured in full, if it ever does. */
function noteProbe(queue: PointQueue, result: ResultHead, leased: boolean): void {
  const { position } = result.sweep;
  queue.search?.tellProbe(toldBy(result), result.sweep.block);
  // What failed before it did so at a probe.
  queue.tries.delete(position);
  const returned = queue.returned.indexOf(position);
  if (returned >= 0) queue.returned.splice(returned, 1);
  if (leased) queue.inFlight.delete(position);
}

/**
 * Whether a trial gives a start that its point has: its lease was lost, the start was measured again, and
 * both results came. The one that was recorded first counts. Which start it is, the signed id says.
 */
function isRepeated(queue: PointQueue, { trialId, status, valid, sweep: { position } }: ResultHead): boolean {
  const start = status === 'complete' && valid ? readTrialId(trialId)?.start : undefined;
  if (start === undefined) return false;
  return queue.settled.get(position)?.state === 'complete' || start <= queue.starts.countOf(position);
}

function count(view: SweepView, queue: PointQueue, result: ResultHead, leased: boolean): void {
  const { trialId, sweep, status } = result;
  const { position } = sweep;
  const verdict = judge(result, queue, view);
  if (verdict.verdict !== 'start') queue.search?.spend(secondsOf(result) ?? 0, energyOf(result));
  if (verdict.verdict === 'start') {
    queue.search?.tell(toldBy(result));
    const start = {
      trialId,
      reused: false,
      values: settlingValues(result.measurements),
      gradingCodes: gradingCodesOf(result.warnings),
    };
    addStart(view, queue, position, start, leased);
    return;
  }
  if (queue.settled.has(position)) {
    if (leased) requeue(queue, position);
    return;
  }
  const tries = triesOf(queue, position);
  if (status === 'complete') {
    tries.invalid += 1;
    tries.invalidTrialId = trialId;
    tries.gradingCodes = gradingCodesOf(result.warnings);
  } else {
    tries.failed += attemptCost(result);
    tries.failedTrialId = trialId;
  }
  const elsewhere = elsewhereReason(result);
  if (elsewhere !== null) tries.elsewhere.set(result.node.name, elsewhere);
  if (verdict.verdict === 'complete') settleByStarts(queue, position);
  else if (verdict.verdict === 'invalid') {
    const { gradingCodes } = tries;
    const outcome = { trialId: verdict.trialId, reused: false, gradingCodes, reason: null };
    settle(queue, position, { state: 'invalid', ...outcome });
  }
  // `give-up` settles with the ExperimentGivenUp that is written in the same append.
  else if (leased && verdict.verdict === 'again') requeue(queue, position);
}

/**
 * Counts a valid start: the last one that is wanted settles its point, before that the point waits for the
 * next.
 * @param held whether the point was out for this very start.
 */
function addStart(view: SweepView, queue: PointQueue, position: number, start: Start, held: boolean): void {
  const { trialId, reused, gradingCodes } = start;
  if (queue.settled.has(position)) {
    // It replaces what was reported for want of a valid one.
    settle(queue, position, { state: 'complete', trialId, reused, gradingCodes, reason: null });
    return;
  }
  const { starts } = queue;
  const count = starts.add(position, start);
  const said = starts.saidOf(position);
  said?.halfWidths.push(widestHalf(said.values, view.measure.confidence));
  if (hasEnoughStarts(view, count, said)) {
    settleByStarts(queue, position);
    return;
  }
  if (held) waitForNextPass(queue, position);
  else starts.wait(position);
}

function waitForNextPass(queue: PointQueue, position: number): void {
  queue.inFlight.delete(position);
  queue.starts.wait(position);
}

/** @returns false when the point has no valid start to settle it by. */
function settleByStarts(queue: PointQueue, position: number): boolean {
  const first = queue.starts.firstOf(position);
  if (first === null) return false;
  settle(queue, position, { state: 'complete', ...first, reason: null });
  return true;
}

/**
 * The same, of a point that lacks starts: what is known of them stays.
 * @returns false when the point has none, or is settled.
 */
function settleShort(queue: PointQueue, position: number): boolean {
  if (queue.starts.firstOf(position) === null || queue.settled.has(position)) return false;
  queue.cut.add(position);
  return settleByStarts(queue, position);
}

function settle(queue: PointQueue, position: number, outcome: Outcome): void {
  const before = queue.settled.get(position);
  if (before !== undefined && RANK[before.state] >= RANK[outcome.state]) return;
  if (before !== undefined) tally(queue, before, -1);
  tally(queue, outcome, 1);
  if (outcome.state !== 'complete')
    queue.search?.skip(position, outcome.reason ?? [outcome.state, ...outcome.gradingCodes].join(' '));
  queue.settled.set(position, outcome);
  queue.tries.delete(position);
  if (queue.cut.has(position)) queue.starts.putAside(position);
  else queue.starts.delete(position);
  queue.inFlight.delete(position);
}

function tally(queue: PointQueue, outcome: Outcome, change: 1 | -1): void {
  queue.counts[outcome.state] += change;
  if (outcome.reused) queue.counts.reused += change;
  if (outcome.gradingCodes.length > 0 && outcome.state === 'complete') queue.counts.disturbed += change;
  const by = outcome.state === 'invalid' ? queue.invalidBy : queue.disturbedBy;
  for (const code of outcome.gradingCodes) by.set(code, (by.get(code) ?? 0) + change);
}

const RANK = { failed: 0, invalid: 1, complete: 2 } as const;

/**
 * What a search learns of a record. Where the log is read again, search sweeps have whole rows here
 * (projection.ts).
 */
function toldBy(result: ResultHead): Told {
  const entries = Object.entries(result.measurements ?? {});
  return {
    position: result.sweep.position,
    values: Object.fromEntries(entries.map(([metric, { value }]) => [metric, value])),
    reasonOf: (metric) => result.measurements?.[metric]?.reason ?? null,
    seconds: secondsOf(result) ?? 0,
    joules: energyOf(result),
    device: result.device.name,
  };
}

/** Of one repeat, which is what is measured: what a trial takes besides is not. */
const energyOf = ({ measurements }: ResultHead) => measurements?.energyJoules?.value ?? null;

/** @returns how long a trial took; null where its times say nothing. */
function secondsOf({ startedAt, endedAt }: ResultHead): number | null {
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

function rememberSeconds(sweep: SweepState, result: ResultHead): void {
  const seconds = secondsOf(result);
  if (seconds === null) return;
  sweep.trialSeconds.push(seconds);
  if (sweep.trialSeconds.length > REMEMBERED_TRIALS) sweep.trialSeconds.shift();
}
