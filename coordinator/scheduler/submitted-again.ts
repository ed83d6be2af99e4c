import type { SchedulerState, SweepState } from './state.js';
import type { SweepView } from './view.js';

/**
 * Sweeps with results of these very points. The results do not count here, because they were measured under
 * another policy.
 */
export function measuredOtherwise({ sweeps }: SchedulerState, view: SweepView): SweepState[] {
  if (view.count === 0) return [];
  const idOf = (one: SweepView) => one.experimentAt(0, null).id;
  return [...sweeps.values()].filter(
    ({ view: other, queues }) =>
      other.pointsId === view.pointsId &&
      other.namespace === view.namespace &&
      idOf(other) !== idOf(view) &&
      [...queues.values()].some(({ counts }) => counts.complete > 0),
  );
}

/** Whether points ended without a valid result, or with fewer starts than were asked for. */
export function lacksSomething(queues: SweepState['queues']): boolean {
  return [...queues.values()].some(({ counts, cut }) => counts.failed + counts.invalid + cut.size > 0);
}
