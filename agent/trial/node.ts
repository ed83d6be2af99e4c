import { failed } from '../../core/errors.js';
import { type Lease, leasedDevices } from '../../core/experiment/lease.js';
import type { DeviceProfile, NodeProfile } from '../../core/experiment/node.js';
import { type Warning, warn } from '../../core/result/warnings.js';
import { runnerNamed } from '../../core/runners/index.js';
import { machineFacts } from '../environment.js';
import type { TrialRun } from './context.js';
import type { TrialNotes } from './notes.js';

/**
 * @returns the device that a lease is for.
 * @throws FailureError `device-missing` when one that it holds is not of this node.
 */
export function deviceFor(lease: Lease, profile: NodeProfile): DeviceProfile {
  const [own] = leasedDevices(lease).map((wanted) => {
    const device = profile.devices.find(({ id }) => id === wanted);
    if (device?.classes.includes(lease.experiment.device)) return device;
    const what = device === undefined ? 'does not exist' : `is ${device.classes.join(', ')}`;
    const message = `the device ${wanted} of ${profile.name} ${what}; the experiment asks for ${lease.experiment.device}`;
    throw failed('device-missing', message);
  });
  return own!;
}

/**
 * Notes where the trial runs: its device, ceilings, grid and machine, and what casts doubt on the numbers
 * before it begins.
 */
export function noteNode(trial: TrialRun): void {
  const { node, device, notes } = trial;
  notes.device = device;
  notes.grid = gridOf(trial);
  notes.roofs = node.roofs.forDevice(device.id);
  if (notes.roofs === null) notes.absent = { ...notes.absent, roofs: node.roofs.absenceReason(device.id) };
  notes.environment = machineFacts(node.profile, device, node.nvml, node.meters);
  notes.warnings.push(...warningsBefore(trial));
}

/**
 * Sets the device as the sweep asks, and notes the machine as it is then.
 * @throws FailureError `setting-failed`.
 */
export async function setDevice({ lease, node, device, notes, settings }: TrialRun): Promise<void> {
  const asked = lease.experiment.settings;
  if (asked === null) return;
  await settings.hold(asked, device, node.powerSocket, notes);
  Object.assign(notes.environment, machineFacts(node.profile, device, node.nvml, node.meters));
}

/** The sweep's word on the grid goes before the node's. */
function gridOf({ lease, node }: TrialRun): TrialNotes['grid'] {
  const stated = lease.experiment.measure.gridGramsPerKilowattHour;
  if (stated !== null) return { gramsPerKilowattHour: stated, statedBy: 'sweep' };
  const { gridGramsPerKilowattHour } = node;
  return gridGramsPerKilowattHour === null
    ? null
    : { gramsPerKilowattHour: gridGramsPerKilowattHour, statedBy: 'node' };
}

/** What can be said against the numbers before there are any. */
function warningsBefore({ lease, node: { nvml }, device }: TrialRun): readonly Warning[] {
  const { runner } = lease.experiment;
  const warnings: Warning[] = [];
  const madeUp = runnerNamed(runner.kind)?.madeUp ?? null;
  if (madeUp !== null) warnings.push(warn('fake-runner', madeUp));
  const { threads } = runner.options;
  if (typeof threads === 'number' && threads > device.cpus.length) {
    const message = `${threads} threads share the ${device.cpus.length} CPUs of ${device.id}`;
    warnings.push(warn('oversubscribed', message));
  }
  const held = leasedDevices(lease);
  const gpus = 'nvml' in nvml ? nvml.nvml.devices.filter(({ uuid }) => held.includes(uuid)) : [];
  for (const gpu of gpus.filter((one) => one.inUse()))
    warnings.push(warn('foreign-process', `another process uses ${gpu.uuid} before the trial began`));
  return warnings;
}
