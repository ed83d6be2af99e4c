import { type ThisNode as Described, describeNode } from '../agent/door/node.js';
import type { DeviceProfile } from '../core/experiment/node.js';
import type { Sweep } from '../core/sweep/spec.js';
import { usageError } from './exit.js';
import { agentConfig } from './node-config.js';

/** This machine as its own agent would describe it, with what was measured of it. */
export interface ThisNode extends Described {}

/**
 * @param config an agent configuration file, whose state folder and CPU groups apply.
 * @throws CommandError (2) for a wrong file.
 */
export async function thisNode(config: string | undefined): Promise<ThisNode> {
  return await describeNode(agentConfig(config));
}

/**
 * @returns the device of this node that is named, or all.
 * @throws what `missing` makes of the reason and the hint, by default a CommandError (2).
 */
export function devicesNamed(
  { profile: { devices } }: ThisNode,
  id: string | undefined,
  missing: (message: string, hint: string) => Error = usageError,
): readonly DeviceProfile[] {
  const named = id === undefined ? devices : devices.filter((device) => device.id === id);
  if (named.length > 0) return named;
  throw missing(`this node has no device ${id}`, `It has ${devices.map((device) => device.id).join(', ')}.`);
}

/** @returns this machine with the devices alone that a sweep asks for. */
export function devicesOf({ placement }: Sweep, { profile, ...node }: ThisNode): ThisNode {
  const devices = profile.devices.filter(({ classes }) =>
    classes.some((name) => placement.devices.includes(name)),
  );
  return { ...node, profile: { ...profile, devices } };
}
