import { deviceKind } from '../experiment/experiment.js';
import type { NodeProfile } from '../experiment/node.js';
import { pathText } from '../input/diagnostic.js';
import { metricNamed } from '../metrics/catalogue.js';
import { chooseDomains } from '../metrics/energy-domains.js';
import { countedOn } from './measurable.js';
import type { Sweep } from './spec.js';

/** What nodes say of their energy. */
export type Metered = Pick<NodeProfile, 'name' | 'devices' | 'energySources' | 'absent'>;

/** Objectives, bounds and budgets of energy that some rows of a sweep will have no number for. */
export interface LackingEnergy {
  /** No row will have one. */
  readonly always: boolean;
  /** Says what is wrong and where. */
  readonly message: string;
}

/** What to do where no row will have a number. */
export const WITHOUT_ENERGY =
  '`ridge doctor` says what a source takes; without one, remove these keys, or give a recorded trace by --energy replay:FILE.';

/** @returns where a sweep asks for energy, as keys of its file; none where nothing of it does. */
export function energyKeys(sweep: Pick<Sweep, 'objectives' | 'search'>): string[] {
  return countedOn(sweep).flatMap(({ path, metric }) =>
    metricNamed(metric)?.of.includes('energy') === true ? [pathText(path)] : [],
  );
}

/**
 * @param keys of a sweep that ask for energy.
 * @param devices that it asks for.
 * @param nodes that may run it.
 * @param place what they are together.
 * @returns null where every device that the sweep asks for has a source of energy, none of it needs one, or
 *   there is no such device.
 */
export function lackingEnergy(
  keys: readonly string[],
  devices: readonly string[],
  nodes: readonly Metered[],
  place: string,
): LackingEnergy | null {
  if (keys.length === 0) return null;
  const asked = nodes.flatMap((node) =>
    devices
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
      message: `${keys.join(', ')}: no row will have a number for it, since ${place} has no energy source for ${first.name}${because}`,
    };
  const where = without.map(({ node, name }) => `${name} of ${node.name}`).join(', ');
  return {
    always: false,
    message: `${keys.join(', ')}: rows of ${where} will have no number for it, for want of an energy source${because}`,
  };
}

function hasSource({ energySources }: Metered, device: string): boolean {
  const domains = energySources.map((source) => source.slice(source.indexOf(':') + 1));
  return chooseDomains(domains, deviceKind(device) === 'cpu').domains.length > 0;
}
