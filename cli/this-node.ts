import { probeNode } from '../agent/probe.js';
import { RoofsStore } from '../agent/roofs/store.js';
import type { NodeProfile } from '../core/experiment/node.js';
import type { NodeEngines } from '../engines/config.js';
import { VERSION } from '../process/package.js';
import { agentConfig } from './node-config.js';

/** This machine as its own agent would describe it, and where its roofs are kept. */
export interface ThisNode {
  /** Its energy sources and runners are not looked for: that takes seconds. */
  readonly profile: NodeProfile;
  readonly roofsFolder: string;
  readonly store: RoofsStore;
  /** Root of the /sys that devices were read from. */
  readonly sysRoot: string;
  /** Of its configuration. */
  readonly engines: NodeEngines;
}

/**
 * @param config an agent configuration file, whose state folder and CPU groups apply.
 * @throws CommandError (2) for a wrong file.
 */
export async function thisNode(config: string | undefined): Promise<ThisNode> {
  const { nodeName, labels, cpuGroups, meters, roofsFolder, engines } = agentConfig(config);
  const { profile, nvml } = await probeNode({
    nodeName,
    labels,
    version: VERSION,
    cpuGroups,
    meters: { energy: 'none', replayFile: null, procRoot: '/proc', sysRoot: meters.sysRoot },
    runnerKinds: [],
  });
  if ('nvml' in nvml) nvml.nvml.close();
  return { profile, roofsFolder, store: new RoofsStore(roofsFolder), sysRoot: meters.sysRoot, engines };
}
