import type { NodeProfile } from '../../core/experiment/node.js';
import { DEFAULT_NAMESPACE } from '../../core/sweep/identity.js';
import { ofNewestBuild } from '../../judgement/trials.js';
import type { Fact } from '../log/log.js';
import { isGoing, successorsOf } from './deleted-trials.js';
import { namespaceOf } from './namespaces.js';
import { mayReuse } from './placement.js';
import type { PointQueue, SchedulerState, SweepState } from './state.js';
import { readTrialId } from './trial-id.js';

function namespaceOfTrial(state: SchedulerState, trialId: string): string {
  if (!state.severalTurns) return DEFAULT_NAMESPACE;
  return namespaceOf(state, readTrialId(trialId)?.sweepId ?? '');
}

/**
 * @returns a fact for each start that the point takes over from earlier sweeps: of those that this node would
 *   measure alike, the ones that make one row together (`ofNewestBuild`). Only a point without any start
 *   takes starts over, so that none counts twice.
 */
export function reusable(
  state: SchedulerState,
  { view }: SweepState,
  queue: PointQueue,
  position: number,
  node: NodeProfile,
): Fact[] {
  // A search decides by what it has seen measured.
  if (state.known.isEmpty || queue.search !== null || queue.starts.countOf(position) > 0) return [];
  const experiment = view.experimentAt(position, queue.node);
  const about = { sweepId: view.sweepId, position, experimentId: experiment.id, node: queue.node };
  const alike = state.known
    .validTrials(experiment.id)
    .filter((known) => mayReuse(known, experiment, node) && successorsOf(state, known.trialId).length === 0)
    .filter(({ trialId }) => !isGoing(state, trialId))
    // What another namespace measured is nobody's here.
    .filter(({ trialId }) => namespaceOfTrial(state, trialId) === view.namespace)
    // What was measured under other gates is another start under these, if it is one at all.
    .filter(({ gradingCodes }) => gradingCodes.length === 0 || view.measure.gates === 'warn');
  return ofNewestBuild(alike, ({ build }) => build).map(
    ({ trialId }): Fact => ({ fact: 'ResultReused', ...about, trialId }),
  );
}
