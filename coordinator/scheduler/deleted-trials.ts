import type { SchedulerState } from './state.js';
import { readTrialId } from './trial-id.js';

/** @returns whether a trial was deleted with its sweep. */
export function isDeletedTrial(
  { deleted, recorded }: Pick<SchedulerState, 'deleted' | 'recorded'>,
  trialId: string,
): boolean {
  if (deleted.size === 0) return false;
  const before = deleted.get(readTrialId(trialId)?.sweepId ?? '');
  return before !== undefined && (recorded.numberOf(trialId) ?? before) < before;
}

/** @returns whether no sweep takes a trial over any more: it is deleted, or is about to be. */
export function isGoing(state: SchedulerState, trialId: string): boolean {
  if (state.deleting.size > 0 && state.deleting.has(readTrialId(trialId)?.sweepId ?? '')) return true;
  return isDeletedTrial(state, trialId);
}

/** @returns the trials with new answers that stand in a trial's place, without those that are deleted. */
export function successorsOf(
  state: Pick<SchedulerState, 'deleted' | 'recorded' | 'superseded'>,
  trialId: string,
): string[] {
  return (state.superseded.get(trialId) ?? []).filter((other) => !isDeletedTrial(state, other));
}
