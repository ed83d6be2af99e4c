import type { NodeProfile } from '../../core/experiment/node.js';
import type { NodeEngines } from '../../engines/config.js';
import type { AgentConfig } from '../config.js';
import { FactorsStore } from '../factors/store.js';
import type { RunningAgent } from '../main.js';
import { NoiseStore } from '../noise/store.js';
import { listingDevices, probeFor, probeNode } from '../probe.js';
import { RoofsStore } from '../roofs/store.js';

// What commands ask of this room about the node that they run on.

/** What was measured of the devices of a node. */
export class NodeStores {
  readonly store: RoofsStore;
  readonly factors: FactorsStore;
  readonly noise: NoiseStore;

  constructor(roofsFolder: string) {
    this.store = new RoofsStore(roofsFolder);
    this.factors = new FactorsStore(roofsFolder);
    this.noise = new NoiseStore(roofsFolder);
  }
}

/** This machine as its own agent would describe it, with what was measured of it. */
export interface ThisNode extends NodeStores {
  /** Its energy sources and runners are not looked for: that takes seconds. */
  readonly profile: NodeProfile;
  /** Root of the /sys that devices were read from. */
  readonly sysRoot: string;
  /** Of its configuration. */
  readonly engines: NodeEngines;
}

/** @param config its state folder and CPU groups apply. */
export async function describeNode(config: AgentConfig): Promise<ThisNode> {
  const { nodeName, labels, cpuGroups, roofsFolder, engines } = config;
  const { sysRoot } = config.meters;
  const { profile, nvml } = await probeNode({
    nodeName,
    labels,
    cpuGroups,
    runnerKinds: listingDevices(engines),
    engines,
    meters: { energy: 'none', replayFile: null, procRoot: '/proc', sysRoot },
  });
  if ('nvml' in nvml) nvml.nvml.close();
  return { profile, sysRoot, engines, ...new NodeStores(roofsFolder) };
}

/**
 * @returns the sources of energy of this node, and why there is none. They are looked at for a moment: one
 *   that stands still is none.
 */
export async function energyHere(
  config: AgentConfig,
): Promise<Pick<NodeProfile, 'energySources' | 'absent'>> {
  const { profile, nvml } = await probeFor({ ...config, runners: [] });
  if ('nvml' in nvml) nvml.nvml.close();
  const { energySources, absent } = profile;
  return { energySources, absent };
}

/**
 * Starts the agent of this node. While children look at the node the rest of its code is loaded, which is
 * half of a start.
 * @throws as `startAgent`
 */
export async function startHere(config: AgentConfig): Promise<RunningAgent> {
  const probing = probeFor(config);
  // Heard by the agent.
  probing.catch(() => undefined);
  const { startAgent } = await import('../main.js');
  return await startAgent(config, probing);
}
