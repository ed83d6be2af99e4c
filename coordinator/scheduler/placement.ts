import type { Experiment } from '../../core/experiment/experiment.js';
import {
  type DeviceProfile,
  type NodeProfile,
  type RunnerProfile,
  SWEEP_LABEL,
} from '../../core/experiment/node.js';
import { selects } from '../../core/experiment/node-selector.js';
import { nodeDemands } from '../../core/runners/node-demands.js';
import { profileOf } from '../../core/runners/server/index.js';
import { lackingIn } from '../../core/runners/server/lacking.js';
import type { PlacementSpec } from '../../core/sweep/spec.js';
import type { KnownResult } from './trial-table.js';

/**
 * @returns whether a node works for a sweep. A node that was given to one sweep works for that sweep alone,
 *   wherever it was placed. Any other node works for it if it has the labels that the sweep asks for.
 */
export function serves(node: NodeProfile, { sweepId, placement }: PlacedSweep): boolean {
  const own = node.labels[SWEEP_LABEL];
  return own === undefined ? selects(placement.nodeSelector, node) : own === sweepId;
}

/** What says of a sweep which nodes work for it. */
interface PlacedSweep {
  readonly sweepId: string;
  readonly placement: Pick<PlacementSpec, 'nodeSelector'>;
}

/**
 * Pure placement: may this device of this node take the experiment?
 * @param memoryBytes predicted bytes on the device, of several on the fullest; null = unknown, which never
 *   refuses.
 * @returns null when it may, else one clause that says why not.
 */
export function refusal(
  experiment: Experiment,
  node: NodeProfile,
  device: DeviceProfile,
  memoryBytes: number | null,
): string | null {
  if (experiment.node !== null && experiment.node !== node.name) return `belongs to node ${experiment.node}`;
  if (!device.classes.includes(experiment.device)) {
    return `needs a device of class ${experiment.device}; ${device.id} is ${device.classes.join(', ')}`;
  }
  const runner = node.runners.find((candidate) => candidate.kind === experiment.runner.kind);
  if (runner === undefined)
    return `needs the runner ${experiment.runner.kind}, which ${node.name} does not have${absenceReason(node, `runner ${experiment.runner.kind}`)}`;
  const family = generalClass(experiment.device);
  if (!runner.devices.some((supported) => generalClass(supported) === family)) {
    return `needs ${experiment.runner.kind} for ${family}; on ${node.name} it drives ${runner.devices.join(', ') || 'nothing'}`;
  }
  const { release, variants } = nodeDemands(experiment.runner.options);
  const releases = new Set([runner.release, ...runner.variants]);
  if (release !== null && !releases.has(release)) {
    return `needs the engine ${release}; ${node.name} has ${runner.release}`;
  }
  const lacking = variants.find(({ name }) => runner.variants.length > 0 && !runner.variants.includes(name));
  if (lacking !== undefined) {
    return `needs the ${lacking.said}; ${node.name} has ${runner.variants.join(', ')}${absenceReason(node, lacking.said)}`;
  }
  const missing = missingOption(experiment.runner, runner);
  if (missing !== null) return `needs ${missing.what}; ${node.name} has ${missing.release}`;
  const taken = devicesTaken(experiment);
  const alike = node.devices.filter(({ classes }) => classes.includes(experiment.device));
  if (taken > alike.length) {
    return `needs ${taken} devices of class ${experiment.device}; ${node.name} has ${alike.length}`;
  }
  const unset = settingRefusal(experiment, node, device, taken);
  if (unset !== null) return unset;
  // A CPU device's memory is the node's: the smaller of the machine's and its cgroup's.
  const available = family === 'cpu' ? Math.min(device.memoryBytes, node.memoryBytes) : device.memoryBytes;
  if (memoryBytes !== null && memoryBytes > available) {
    const where = taken === 1 ? '' : ` on the fullest of ${taken} devices`;
    return `is predicted to need ${gigabytes(memoryBytes)}${where}; ${device.id} of ${node.name} has ${gigabytes(available)}`;
  }
  return null;
}

/**
 * @returns an option that is too new for the server that would be asked, and that server's release; null =
 *   none.
 */
function missingOption(
  { kind, options }: Experiment['runner'],
  { release, releases, variants }: RunnerProfile,
) {
  const profile = profileOf(kind);
  if (profile === undefined) return null;
  const server = typeof options.server === 'string' ? options.server : variants[0];
  const has = releases?.[server ?? ''] ?? release;
  const what = lackingIn(profile, has, options);
  return what === null ? null : { what, release: has };
}

/**
 * @returns how many devices of one node the experiment takes: CPUs are one device, whatever is split on them.
 */
export function devicesTaken({ device, runner }: Pick<Experiment, 'device' | 'runner'>): number {
  return generalClass(device) === 'cpu' ? 1 : nodeDemands(runner.options).devices;
}

/** What the node says of something that it does not have; '' = nothing. */
function absenceReason({ absent }: NodeProfile, what: string): string {
  const why = absent[what];
  return why === undefined ? '' : `: ${why}`;
}

/**
 * A stored result may be reused when the node would measure with the same engine release, which the id does
 * not cover (docs/decisions/0003-identity.md). Which build of that release the node has is known after a
 * trial there.
 */
export function mayReuse(
  known: Pick<KnownResult, 'engine'>,
  experiment: Experiment,
  node: NodeProfile,
): boolean {
  if (known.engine === null) return true;
  const runner = node.runners.find((candidate) => candidate.kind === experiment.runner.kind);
  return runner === undefined || runner.release === known.engine;
}

/** Why what the experiment sets cannot be set there; null when it can, or sets nothing. */
function settingRefusal(
  { settings }: Experiment,
  node: NodeProfile,
  device: DeviceProfile,
  taken: number,
): string | null {
  for (const [name, unit] of [
    ['powerCapWatts', 'W'],
    ['lockedClockHertz', 'Hz'],
  ] as const) {
    const wanted = settings?.[name] ?? null;
    if (wanted === null) continue;
    if (taken > 1) return `sets ${name}, which is done for one device, and takes ${taken}`;
    const range = node.settable?.[device.id]?.[name] ?? 'it has no power helper';
    const where = `needs ${name} ${wanted}; ${device.id} of ${node.name}`;
    if (typeof range === 'string') return `${where} cannot be set: ${range}`;
    if (wanted < range.least || wanted > range.most) {
      return `${where} can be set to ${range.least} to ${range.most} ${unit}`;
    }
  }
  return null;
}

/** `cuda:h100` → `cuda` */
function generalClass(deviceClass: string): string {
  return deviceClass.split(':')[0] ?? deviceClass;
}

/** 8.00, 25.3, 60,500: a damaged model may ask for any amount. */
const THREE_DIGITS = { minimumSignificantDigits: 3, maximumSignificantDigits: 3 } as const;

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toLocaleString('en', THREE_DIGITS)} GB`;
}
