import { DEFAULT_NAMESPACE } from '../../core/sweep/identity.js';
import { NAMESPACE } from '../../core/sweep/namespace.js';
import type { FactHead, ResultHead } from '../log/log.js';
import { isDeletedTrial } from './deleted-trials.js';
import type { SchedulerState } from './state.js';

/** Beyond any block that was ever allocated; a forged number up there would leave none for honest ones. */
const LARGEST_BLOCK = 1_000_000_000;

/**
 * What is wrong with a fact of the log, which somebody else may have written, or a damaged disk.
 * It costs each fact a few comparisons, at the start alone.
 * @returns null for a fact that may be applied, else one clause; then nobody may take anything from it.
 */
export function damageOf(state: SchedulerState, fact: FactHead): string | null {
  switch (fact?.fact) {
    case 'Damaged':
      return fact.reason;
    case 'SweepSubmitted':
      if (!isName(fact.sweepId) || typeof fact.document !== 'string' || !Array.isArray(fact.models)) {
        return 'a sweep without an id or a document';
      }
      if (!isTurn(fact)) return 'a sweep of no namespace, or of no priority';
      return fact.budgetSeconds === undefined || fact.budgetSeconds > 0
        ? null
        : 'a sweep that may take no time';
    case 'SweepCancelled':
      return isName(fact.sweepId) ? null : 'a cancellation without a sweep';
    case 'SweepDeleted':
      return isName(fact.sweepId) && typeof fact.reason === 'string'
        ? null
        : 'a deletion without a sweep or a reason';
    case 'SweepPinned':
    case 'SweepUnpinned':
      return isName(fact.sweepId) && typeof fact.reason === 'string'
        ? null
        : 'a pin without a sweep or a reason';
    case 'SweepPaused':
    case 'SweepResumed': {
      if (!isName(fact.sweepId))
        return `${fact.fact === 'SweepPaused' ? 'a pause' : 'a resumption'} without a sweep`;
      return typeof fact.reason === 'string' ? null : 'a pause or resumption without a reason';
    }
    case 'NodeCordoned':
    case 'NodeUncordoned':
      return isName(fact.node) && typeof fact.reason === 'string'
        ? null
        : 'a cordon without a node or a reason';
    case 'ResultRecorded':
      return recordDamage(state, fact.record);
    case 'ResultReused':
      if (!isName(fact.trialId)) return 'a result taken over from no trial';
      if (state.forged.has(fact.trialId)) return `what it takes over, ${fact.trialId}, is damaged itself`;
      if (!state.recorded.has(fact.trialId)) return `what it takes over, ${fact.trialId}, was never recorded`;
      if (isDeletedTrial(state, fact.trialId)) return `what it takes over, ${fact.trialId}, was deleted`;
      return pointDamage(state, fact.sweepId, fact.position);
    case 'PromotionDecided':
    case 'ExperimentGivenUp':
      if (typeof fact.reason !== 'string') return 'a point given up, promoted or left without a reason';
      return pointDamage(state, fact.sweepId, fact.position);
    case 'QuestionsChanged':
      return isName(fact.sweepId) && isName(fact.questions) ? null : 'questions of no sweep';
    case 'LeaseKeyCreated':
      return isName(fact.key) && fact.key.length >= 32 ? null : 'a key of leases that is none';
    default:
      return 'no fact';
  }
}

function isTurn({
  namespace = DEFAULT_NAMESPACE,
  priority = 0,
}: {
  readonly namespace?: unknown;
  readonly priority?: unknown;
}): boolean {
  return typeof namespace === 'string' && NAMESPACE.test(namespace) && Number.isSafeInteger(priority);
}

function recordDamage(state: SchedulerState, record: ResultHead): string | null {
  if (typeof record !== 'object' || record === null || !isName(record.trialId))
    return 'a result without a trial';
  const { sweep, node, device, failure, status, warnings, environment } = record;
  const whole =
    isName(record.experimentId) &&
    isName(node?.name) &&
    isName(device?.id) &&
    (status === 'failed' || status === 'complete') &&
    (failure === null || (typeof failure?.code === 'string' && typeof failure.message === 'string')) &&
    Array.isArray(warnings) &&
    typeof environment === 'object' &&
    environment !== null;
  if (!whole) return `the result of ${record.trialId} lacks fields`;
  if (!isCount(sweep?.block) || sweep.block > LARGEST_BLOCK)
    return `block ${sweep?.block} was never allocated`;
  if (!isCount(sweep.attempt)) return `attempt ${sweep.attempt} was never made`;
  return pointDamage(state, sweep.id, sweep.position);
}

function pointDamage(state: SchedulerState, sweepId: string, position: number): string | null {
  if (!isCount(position)) return `position ${position} is no position`;
  const sweep = state.sweeps.get(sweepId);
  if (sweep === undefined)
    return state.otherReleases.has(sweepId) ? null : `nobody submitted its sweep ${sweepId}`;
  const { count } = sweep.view;
  return position < count ? null : `position ${position} is beyond the ${count} points of its sweep`;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
