import type { ResultRecord } from '../../core/result/result.js';
import { sameJson } from '../../core/same.js';
import type { SchedulerState } from './state.js';
import { provesLease, readTrialId } from './trial-id.js';

/**
 * Whether a record may be taken in: only from the node that was leased this very trial, on that device, for
 * that experiment. The id's signature says so, whether this coordinator still knows the lease, has let it
 * expire or was restarted since: what its holder sends is never refused for being late.
 * @returns null when it may, else one sentence that says why not.
 */
export function refusalOf(state: SchedulerState, record: ResultRecord): string | null {
  const { trialId, experimentId, node, device, sweep: about } = record;
  const named = readTrialId(trialId);
  if (named === null) return 'Its trial was not leased by any coordinator: the id has another form.';
  const holder = { node: node.name, deviceId: device.id, experimentId };
  const lease = state.leases.get(trialId);
  // A lease that stands here needs no proof.
  const stands =
    lease?.node === node.name && lease.deviceId === device.id && lease.experiment.id === experimentId;
  if (!stands && (state.leaseKey === null || !provesLease(trialId, holder, state.leaseKey))) {
    return `Its trial was not leased to ${node.name} on ${device.id} for ${experimentId} by this log's coordinator.`;
  }
  if (record.supersedes !== undefined && named.purpose !== 'quality')
    return 'It takes the place of another trial, and was leased to be measured.';
  const wrong = (['position', 'block', 'purpose', 'attempt', 'start'] as const).find(
    (field) => about[field] !== named[field],
  );
  if (wrong !== undefined || about.id !== named.sweepId) {
    const field = wrong ?? 'id';
    return `Its sweep.${field} is ${about[field]}, which is not what was leased.`;
  }
  const sweep = state.sweeps.get(named.sweepId);
  if (sweep === undefined) {
    return state.otherReleases.has(named.sweepId) ? null : `There is no sweep ${named.sweepId} here.`;
  }
  const same = stands && sameJson(record.experiment, lease.experiment);
  return same || sweep.view.identify(record.experiment) === experimentId
    ? null
    : `Its experiment is not the one that ${experimentId} stands for in that sweep.`;
}
