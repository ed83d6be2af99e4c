import { energyHere } from '../../agent/door/node.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { energyKeys, lackingEnergy, type Metered, WITHOUT_ENERGY } from '../../core/sweep/energy.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { energyChoice } from '../agent/agent.js';
import { usageError } from '../exit.js';
import { ownAgentConfig } from '../node-config.js';
import type { NodeOptions } from '../options/config.js';

/**
 * @throws CommandError (2) where no row will have a number.
 * @returns the sentence to warn by where only some will have none.
 */
export function requireEnergy(sweep: Sweep, nodes: readonly Metered[], place: string): string | null {
  const lacking = lackingEnergy(energyKeys(sweep), sweep.placement.devices, nodes, place);
  if (lacking === null || !lacking.always) return lacking?.message ?? null;
  throw usageError(lacking.message, WITHOUT_ENERGY);
}

/**
 * The same of this machine, whose sources are looked for only where they are needed.
 * @param energy what `--energy` says.
 */
export async function requireEnergyHere(
  sweep: Sweep,
  profile: NodeProfile,
  options: NodeOptions & { readonly energy: string },
): Promise<string | null> {
  if (energyKeys(sweep).length === 0) return null;
  const config = ownAgentConfig(options, [], ({ meters }) => ({
    meters: { ...meters, ...energyChoice(options.energy) },
  }));
  const found = await energyHere(config);
  return requireEnergy(sweep, [{ ...profile, ...found }], 'this machine');
}
