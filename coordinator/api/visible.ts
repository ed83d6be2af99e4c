import { quote } from '../../core/quote.js';
import { DEFAULT_NAMESPACE } from '../../core/sweep/identity.js';
import { type Caller, mayUse } from '../../proto/caller.js';
import { WireError } from '../../proto/errors.js';
import type { Dispatcher } from '../dispatcher.js';
import { namespaceOf } from '../scheduler/namespaces.js';
import type { SweepState } from '../scheduler/state.js';

/** Whose rights are asked for. */
export type Seer = Pick<Caller, 'namespaces'>;

/** @returns the sweeps that somebody may know of, in the order of submission. */
export function sweepsOf({ state }: Dispatcher, who: Seer): SweepState[] {
  return [...state.sweeps.values()].filter(({ view }) => mayUse(who, view.namespace));
}

/** @returns whether somebody may know of what belongs to a sweep. */
export function seesSweep({ state }: Dispatcher, who: Seer, sweepId: string): boolean {
  return mayUse(who, namespaceOf(state, sweepId));
}

/**
 * A sweep of another namespace is not there.
 * @throws WireError `not-found`, or `refused` for a sweep of another release.
 */
export function sweepNamed(dispatcher: Dispatcher, sweepId: string, who: Seer): SweepState {
  const sweep = dispatcher.state.sweeps.get(sweepId);
  if (sweep !== undefined && mayUse(who, sweep.view.namespace)) return sweep;
  if (sweep === undefined && seesOther(dispatcher, sweepId, who)) {
    throw new WireError(
      'refused',
      `Sweep ${sweepId} is from another release and is not resumed: \`ridge results ${sweepId}\` prints what it has.`,
    );
  }
  throw new WireError('not-found', `There is no sweep ${quote(sweepId)}: \`ridge sweeps\` lists them.`);
}

/**
 * The same for who wants its results alone, which also a sweep of another release has.
 * @throws WireError `not-found`
 */
export function resultsNamed(dispatcher: Dispatcher, sweepId: string, who: Seer): void {
  if (!seesOther(dispatcher, sweepId, who)) sweepNamed(dispatcher, sweepId, who);
}

function seesOther({ state }: Dispatcher, sweepId: string, who: Seer): boolean {
  return state.otherReleases.has(sweepId) && mayUse(who, DEFAULT_NAMESPACE);
}
