import { energyHere } from '../../agent/door/node.js';
import { deviceKind } from '../../core/experiment/experiment.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { pathText } from '../../core/input/diagnostic.js';
import { metricNamed } from '../../core/metrics/catalogue.js';
import { chooseDomains } from '../../core/metrics/energy-domains.js';
import { countedOn } from '../../core/sweep/measurable.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { energyChoice } from '../agent/agent.js';
import { usageError } from '../exit.js';
import { ownAgentConfig } from '../node-config.js';
import type { NodeOptions } from '../options/config.js';

/** What nodes say of their energy. */
type Metered = Pick<NodeProfile, 'name' | 'devices' | 'energySources' | 'absent'>;

/** Objectives, bounds and budgets of energy that some rows of a sweep will have no number for. */
export interface LackingEnergy {
  /** No row will have one. */
  readonly always: boolean;
  /** Says what is wrong and where. */
  readonly message: string;
}

/**
 * @returns whether anything of a sweep needs energy: looking for sources takes a second, and is spared where
 *   nobody asks.
 */
export const needsEnergy = (sweep: Sweep): boolean => energyPaths(sweep).length > 0;

/** Where a sweep says so, as keys of its file. */
function energyPaths(sweep: Sweep): string[] {
  return countedOn(sweep).flatMap(({ path, metric }) =>
    metricNamed(metric)?.of.includes('energy') === true ? [pathText(path)] : [],
  );
}

/**
 * @param nodes that may run it.
 * @param place what they are together.
 * @returns null where every device that the sweep asks for has a source of energy, none of it needs one, or
 *   there is no such device.
 */
export function lackingEnergy(sweep: Sweep, nodes: readonly Metered[], place: string): LackingEnergy | null {
  const paths = energyPaths(sweep).join(', ');
  if (paths === '') return null;
  const asked = nodes.flatMap((node) =>
    sweep.placement.devices
      .filter((name) => node.devices.some(({ classes }) => classes.includes(name)))
      .map((name) => ({ node, name, metered: hasSource(node, name) })),
  );
  const without = asked.filter(({ metered }) => !metered);
  const [first] = without;
  if (first === undefined) return null;
  const { energy: reason } = first.node.absent;
  const because = reason === undefined ? '' : `: ${reason}`;
  if (without.length === asked.length)
    return {
      always: true,
      message: `${paths}: no row will have a number for it, since ${place} has no energy source for ${first.name}${because}`,
    };
  const where = without.map(({ node, name }) => `${name} of ${node.name}`).join(', ');
  return {
    always: false,
    message: `${paths}: rows of ${where} will have no number for it, for want of an energy source${because}`,
  };
}

function hasSource({ energySources }: Metered, device: string): boolean {
  const domains = energySources.map((source) => source.slice(source.indexOf(':') + 1));
  return chooseDomains(domains, deviceKind(device) === 'cpu').domains.length > 0;
}

/**
 * @throws CommandError (2) where no row will have a number.
 * @returns the sentence to warn by where only some will have none.
 */
export function requireEnergy(lacking: LackingEnergy | null): string | null {
  if (lacking === null || !lacking.always) return lacking?.message ?? null;
  throw usageError(
    lacking.message,
    '`ridge doctor` says what a source takes; without one, remove these keys, or give a recorded trace by --energy replay:FILE.',
  );
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
  if (!needsEnergy(sweep)) return null;
  const config = ownAgentConfig(options, [], ({ meters }) => ({
    meters: { ...meters, ...energyChoice(options.energy) },
  }));
  const found = await energyHere(config);
  return requireEnergy(lackingEnergy(sweep, [{ ...profile, ...found }], 'this machine'));
}
