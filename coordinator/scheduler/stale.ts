import type { KeptAnswers } from '../../core/experiment/lease.js';
import { getOrMake } from '../../core/maps.js';
import type { PointQueue, SchedulerState, SweepState } from './state.js';

/**
 * Points whose answers are to questions that have changed since. Ids of experiments name task files without
 * their content (decision 0003). So the questions are looked at when a sweep is submitted again, and when
 * results of another sweep are taken over. One point is then leased for its answers alone. The questions that
 * its node reports are those of the sweep from then on, and every point with other ones is leased in the same
 * way.
 */

/** Whether a sweep asks its models anything. */
const asks = ({ view }: SweepState) => view.count > 0 && view.asksQuality;

/** @returns the trial that a measured point shows; null for a point that has none. */
function shownTrial({ settled, starts }: PointQueue, position: number): string | null {
  const outcome = settled.get(position);
  if (outcome !== undefined) return outcome.state === 'complete' ? outcome.trialId : null;
  return starts.firstOf(position)?.trialId ?? null;
}

/** @returns the answers of a point that are looked at, or asked for again. */
export function keptAnswersOf(
  state: SchedulerState,
  queue: PointQueue,
  position: number,
): KeptAnswers | null {
  const trialId = shownTrial(queue, position);
  return trialId === null ? null : { trialId, questions: state.known.questionsOf(trialId) };
}

/** Positions that have a valid start. */
function* measured({ settled, starts }: PointQueue): Generator<number> {
  for (const [position, { state }] of settled) if (state === 'complete') yield position;
  for (const [position] of starts) if (!settled.has(position)) yield position;
}

/**
 * Looks whether the questions of a sweep are still the same: one of its measured points, if it has any, is to
 * be compared.
 */
export function doubtQuestions(state: SchedulerState, sweep: SweepState): void {
  if (!asks(sweep)) return;
  for (const queue of sweep.queues.values()) {
    const first = firstOf(state, queue);
    if (first === null) continue;
    makeStale(queue, first);
    sweep.doubted = true;
    return;
  }
}

/**
 * @returns the measured point to compare, preferably one that was asked: a model that cannot be asked tells
 *   nothing.
 */
function firstOf(state: SchedulerState, queue: PointQueue): number | null {
  let first: number | null = null;
  for (const position of measured(queue)) {
    if (keptAnswersOf(state, queue, position)?.questions != null) return position;
    first ??= position;
  }
  return first;
}

function makeStale(queue: PointQueue, position: number): void {
  queue.stale.add(position);
  // Earlier failures do not count against the new attempts.
  if (queue.settled.has(position)) queue.tries.delete(position);
}

/** A point has taken over a result of another sweep: its answers may be to other questions. */
export function checkTakenOver(
  state: SchedulerState,
  sweep: SweepState,
  queue: PointQueue,
  position: number,
): void {
  const kept = asks(sweep) ? keptAnswersOf(state, queue, position) : null;
  if (kept !== null && (sweep.questions === null || kept.questions !== sweep.questions))
    queue.stale.add(position);
}

/**
 * The questions of a sweep are known: exactly the points that were asked other ones are to be asked again.
 */
export function questionsChanged(state: SchedulerState, sweep: SweepState, questions: string): void {
  sweep.questions = questions;
  sweep.doubted = false;
  for (const queue of sweep.queues.values()) {
    queue.stale.clear();
    for (const position of measured(queue))
      if (keptAnswersOf(state, queue, position)?.questions !== questions) makeStale(queue, position);
  }
}

/** A trial with new answers takes the place of another one. */
export function supersede(state: SchedulerState, before: string, after: string): void {
  // A trial may be replaced in several sweeps. Others take over the newest one that replaces it.
  for (const other of state.superseded.get(before) ?? [])
    getOrMake(state.superseded, other, () => []).push(after);
  getOrMake(state.superseded, before, () => []).push(after);
}

/** The new answers of a point are recorded. */
export function answersCame(queue: PointQueue, position: number, trialId: string): void {
  queue.stale.delete(position);
  const outcome = queue.settled.get(position);
  if (outcome?.state === 'complete') queue.settled.set(position, { ...outcome, trialId });
  queue.starts.replaceFirst(position, trialId);
}

/** Points of a sweep whose answers are not known to be what it asks. */
export function staleIn({ queues }: Pick<SweepState, 'queues'>): number {
  let stale = 0;
  for (const queue of queues.values()) stale += queue.stale.size;
  return stale;
}
