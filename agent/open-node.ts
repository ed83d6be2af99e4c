import type { NodeProfile } from '../core/experiment/node.js';
import type { AgentConfig } from './config.js';
import { NodeFactors } from './factors/node-factors.js';
import { FactorsStore } from './factors/store.js';
import type { MeterSettings } from './meters/index.js';
import { findSettable } from './power/settable.js';
import { meterSettings, type NodeProbe } from './probe.js';
import { NodeRoofs } from './roofs/node-roofs.js';
import { RoofsStore } from './roofs/store.js';
import { contextOf, type TrialContext } from './trial/context.js';

/** A node that is ready to measure. */
export interface OpenedNode {
  readonly probe: NodeProbe;
  readonly profile: NodeProfile;
  readonly meters: MeterSettings;
  readonly roofs: NodeRoofs;
  readonly context: TrialContext;
}

/** How long a power helper that is started beside the agent may take. */
const POWER_HELPER_SECONDS = 5;

/** Opens what the trials of a node share. */
export async function openNode(
  config: AgentConfig,
  probe: NodeProbe,
  log: (level: 'info' | 'warn', message: string) => void,
): Promise<OpenedNode> {
  const meters: MeterSettings = { ...meterSettings(config), periods: probe.periods, sensors: probe.sensors };
  const roofs = new NodeRoofs({
    mode: config.roofs,
    devices: probe.profile.devices,
    store: new RoofsStore(config.roofsFolder),
    log,
  });
  const factors = await NodeFactors.read(
    new FactorsStore(config.roofsFolder),
    probe.profile.devices.map(({ id }) => id),
  );
  const profile: NodeProfile = {
    ...probe.profile,
    roofs: roofs.summary,
    ...(config.power !== null && {
      settable: await findSettable(config.power.socket, probe.profile.devices, POWER_HELPER_SECONDS),
    }),
  };
  return { probe, profile, meters, roofs, context: contextOf(config, probe, { meters, roofs, factors }) };
}

/** Closes what its trials shared, when the last one has ended. */
export async function closeNode({ probe, context }: Pick<OpenedNode, 'probe' | 'context'>): Promise<void> {
  await context.servers.close();
  if ('nvml' in probe.nvml) probe.nvml.nvml.close();
}
