import { probeRunner } from '../../agent/probe.js';
import { refusal } from '../../coordinator/scheduler/placement.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import type { DeviceProfile, NodeProfile } from '../../core/experiment/node.js';
import { selects, whyNoneSelected } from '../../core/experiment/node-selector.js';
import { formatValue } from '../../core/metrics/format.js';
import { predictedBytes, RUNNERS } from '../../core/runners/index.js';
import { profileOf } from '../../core/runners/server/index.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { parseNodeProfile } from '../../proto/convert.js';
import type { NodeStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import { withCoordinator } from '../connection.js';
import { takesWork } from '../node-states.js';
import type { ConnectionOptions } from '../options/connection.js';
import type { ThisNode } from '../this-node.js';
import type { PlanWarning } from './warning.js';

/** Nodes that a sweep could run on, and what they are together in a sentence. */
export interface Places {
  readonly nodes: readonly NodeProfile[];
  /** Why none of them has the labels that the sweep asks for; null = one has, or there are none. */
  readonly unselected: string | null;
  readonly name: string;
  /**
   * Whether they say what their power helpers can set: this machine is asked for that only when it measures.
   */
  readonly saySettable: boolean;
  /** Servers that are not here, by kind of runner: why, in a clause. */
  readonly missingServers: ReadonlyMap<string, string>;
}

/** @returns this machine with those of the sweep's runners that load here. */
export async function hereAlone(sweep: Sweep, { profile, engines }: ThisNode): Promise<Places> {
  const asked = new Set(sweep.runners.map(({ kind }) => kind));
  const kinds = RUNNERS.flatMap(({ kind }) => (asked.has(kind) ? [kind] : []));
  const probes = await Promise.all(kinds.map((kind) => probeRunner(kind, engines)));
  const runners = probes.flatMap((probe) => (probe.available ? [probe.profile] : []));
  const missing = probes.flatMap((probe) => (probe.available ? Object.entries(probe.missing ?? {}) : []));
  const absent = { ...profile.absent, ...Object.fromEntries(missing) };
  const missingServers = new Map(
    probes.flatMap((probe) =>
      probe.available || profileOf(probe.kind) === undefined
        ? []
        : [[probe.kind, `${probe.reason}; ${probe.hint}`] as const],
    ),
  );
  return {
    ...selected(sweep, [{ ...profile, runners, absent }], 'this machine'),
    saySettable: false,
    missingServers,
  };
}

/** @returns the nodes that a coordinator knows. @throws CommandError where none answers. */
export async function fleet(sweep: Sweep, options: ConnectionOptions): Promise<Places> {
  const { nodes } = await withCoordinator(options, (control) => control.listNodes());
  return {
    ...fleetFor(sweep, nodes, options),
    saySettable: true,
    missingServers: new Map(),
  };
}

/**
 * @returns those of a coordinator's nodes that may run a sweep: one that is away, leaves or is cordoned gives
 *   it no place.
 */
export function fleetFor(sweep: Sweep, nodes: readonly NodeStatus[], { coordinator }: ConnectionOptions) {
  const taking = nodes.filter(takesWork);
  const profiles = taking.map(({ nodeProfileJson }) => parseNodeProfile(nodeProfileJson));
  const some =
    taking.length < nodes.length ? ` (${taking.length} of its ${nodes.length} nodes take work now)` : '';
  return selected(sweep, profiles, `the fleet of ${coordinator}${some}`);
}

/** The nodes that have the labels a sweep asks for. */
function selected(
  { placement: { nodeSelector } }: Sweep,
  nodes: readonly NodeProfile[],
  name: string,
): Pick<Places, 'nodes' | 'unselected' | 'name'> {
  const unselected = nodes.length === 0 ? null : whyNoneSelected(nodeSelector, nodes, `no node of ${name}`);
  return { nodes: nodes.filter((node) => selects(nodeSelector, node)), unselected, name };
}

/**
 * Holds experiments against every device of every node, by the rules that leases are given by.
 * @returns a warning for each reason that no device takes some of them, with the ids of those.
 */
export function placementWarnings(
  experiments: readonly Experiment[],
  places: Places,
): { readonly warnings: readonly PlanWarning[]; readonly unplaced: ReadonlySet<string> } {
  const reasons = new Map<string, { readonly code: string; experiments: number; bytes: number }>();
  const unplaced = new Set<string>();
  for (const experiment of experiments) {
    const found = whyNowhere(experiment, places);
    if (found === null) continue;
    unplaced.add(experiment.id);
    const before = reasons.get(found.reason) ?? { code: found.code, experiments: 0, bytes: 0 };
    reasons.set(found.reason, {
      code: found.code,
      experiments: before.experiments + 1,
      bytes: Math.max(before.bytes, found.bytes),
    });
  }
  const warnings = [...reasons].map(([reason, { code, experiments: count, bytes }]) => ({
    code,
    message: bytes === 0 ? reason : `${reason}; the largest is predicted to need ${formatValue(bytes, 'B')}`,
    experiments: count,
    blocks: true,
    notHere: false,
  }));
  return { warnings, unplaced };
}

/**
 * Why no device takes an experiment; null where one does. `bytes` is what it needs, where that is the reason.
 */
function whyNowhere(
  experiment: Experiment,
  { nodes, unselected, name, saySettable, missingServers }: Places,
): { readonly code: string; readonly reason: string; readonly bytes: number } | null {
  if (unselected !== null) return { code: 'no-place', reason: unselected, bytes: 0 };
  const { kind } = experiment.runner;
  const missing = missingServers.get(kind);
  if (missing !== undefined) {
    return { code: 'engine-missing', reason: `${name} has no server ${kind}: ${missing}`, bytes: 0 };
  }
  const asked: Experiment = saySettable ? experiment : { ...experiment, settings: null };
  const devices = nodes.flatMap((node) => node.devices.map((device) => ({ node, device })));
  const { facts } = experiment.model;
  const bytes = facts === null ? null : predictedBytes({ facts, experiment });
  if (devices.some(({ node, device }) => refusal(asked, node, device, bytes) === null)) return null;
  // Those that only memory speaks against tell how much there is.
  const large = devices.filter(({ node, device }) => refusal(asked, node, device, null) === null);
  if (bytes !== null && large.length > 0) {
    const most = Math.max(...large.map(({ node, device }) => roomOf(node, device)));
    return {
      code: 'does-not-fit',
      reason: `no device of ${name} has more than ${formatValue(most, 'B')}`,
      bytes,
    };
  }
  const named = devices.filter(({ device }) => device.classes.includes(experiment.device));
  const [first] = named.length > 0 ? named : devices;
  const reason =
    first === undefined
      ? `${name} has no device`
      : `on ${name} an experiment ${refusal(asked, first.node, first.device, null)}`;
  return { code: 'no-place', reason, bytes: 0 };
}

/** A CPU device's memory is the node's: the smaller of the machine's and its cgroup's. */
function roomOf(node: NodeProfile, device: DeviceProfile): number {
  return device.classes.includes('cpu') ? Math.min(device.memoryBytes, node.memoryBytes) : device.memoryBytes;
}
