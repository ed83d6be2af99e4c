import type { DeleteSweepsRequest, SweepDeletion } from '../../proto/gen/ridgepoint/v1/control.js';
import type { Dispatcher } from '../dispatcher.js';
import { deletionRefusal } from '../scheduler/deletion.js';
import { sweepStatus } from '../scheduler/status.js';
import type { Asker, ControlApi } from './control.js';
import { reasonOf } from './reason.js';
import { resultsNamed } from './visible.js';

/**
 * Deletes sweeps that are over, with their results. Each is decided by itself: why one of them stays is part
 * of the answer, and the others go.
 * @returns them in the order of their deletion: a sweep can show results of earlier ones, so the one that was
 *   submitted last goes first.
 * @throws WireError `not-found` for a sweep that the asker may not know of; then nothing is deleted.
 */
export async function deleteSweeps(
  api: ControlApi,
  { sweepIds, reason, dryRun }: DeleteSweepsRequest,
  by: Asker,
): Promise<SweepDeletion[]> {
  const { dispatcher } = api;
  for (const sweepId of sweepIds) resultsNamed(dispatcher, sweepId, by.who);
  const why = reasonOf(reason, 'deleted', by);
  const answer: SweepDeletion[] = [];
  const gone = new Set<string>();
  for (const sweepId of newestFirst(dispatcher, new Set(sweepIds))) {
    const about = { sweepId, ...nameAndCount(dispatcher, sweepId) };
    const refusal = dryRun
      ? deletionRefusal(dispatcher.state, sweepId, gone)
      : await deleteSweep(api, sweepId, why);
    if (refusal === null) gone.add(sweepId);
    if (refusal === null && !dryRun) api.audit.did('delete', by, { ...about, reason: why });
    answer.push({ ...about, refusal: refusal ?? '' });
  }
  return answer;
}

/** @returns why the sweep stays; null = it is deleted. */
async function deleteSweep(
  { dispatcher, clock }: ControlApi,
  sweepId: string,
  reason: string,
): Promise<string | null> {
  const at = clock.isoTime();
  const replies = await dispatcher.dispatch({ event: 'delete-requested', at, sweepId, reason });
  for (const reply of replies) if (reply.command === 'not-deleted') return reply.reason;
  return null;
}

function newestFirst({ state }: Dispatcher, asked: ReadonlySet<string>): string[] {
  const known = [...state.otherReleases.keys(), ...state.sweeps.keys()];
  return known.filter((sweepId) => asked.has(sweepId)).reverse();
}

function nameAndCount({ state }: Dispatcher, sweepId: string): { name: string; complete: number } {
  const sweep = state.sweeps.get(sweepId);
  if (sweep !== undefined) return { name: sweep.view.name, complete: sweepStatus(sweep).complete };
  const other = state.otherReleases.get(sweepId);
  return { name: other?.name ?? '', complete: other?.counts.complete ?? 0 };
}
