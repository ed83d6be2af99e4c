import { locateSource } from '../../artifacts/files/source.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { shellLine } from '../../core/input/shell-word.js';
import { orElse } from '../../core/or-else.js';
import { serverOf } from '../../engines/door.js';
import { asWords } from '../exit.js';
import type { ModelSettings } from '../local-models.js';
import type { ThisNode } from '../this-node.js';

/** A server that experiments of a plan ask. */
export interface PlannedServer extends NonNullable<ReturnType<typeof serverOf>> {
  /** Of the experiments that were looked at. */
  readonly experiments: number;
}

/**
 * @returns the servers that experiments would have started here, each command line once, by the configuration
 *   of this node.
 * @throws CommandError (2)
 */
export function plannedServers(
  experiments: readonly Experiment[],
  servers: ThisNode['engines']['servers'],
  { devices }: Pick<NodeProfile, 'devices'>,
  settings: ModelSettings,
): PlannedServer[] {
  const planned = new Map<string, PlannedServer>();
  for (const experiment of experiments) {
    const own = devices.find(({ classes }) => classes.includes(experiment.device));
    const cpus = own?.cpus.length ?? 1;
    const asked = asWords(() => serverOf(experiment, servers, cpus, (source) => placeOf(source, settings)));
    if (asked === null) continue;
    const key = JSON.stringify([asked.server, asked.command]);
    planned.set(key, { ...asked, experiments: (planned.get(key)?.experiments ?? 0) + 1 });
  }
  return [...planned.values()];
}

/** @returns where a model lies; one that is not here is called as the sweep calls it. */
export function placeOf(source: string, settings: ModelSettings): string {
  return orElse(() => locateSource(source, settings, 'file or folder'), source);
}

/** @returns what a plan says of its servers, a line for each command; '' where it asks none. */
export function serversText(servers: readonly PlannedServer[], limit: number): string {
  if (servers.length === 0) return '';
  const lines = servers.slice(0, limit).map(({ server, command, address, problem, experiments }) => {
    const what = command === null ? `runs at ${address}` : shellLine(command);
    const line = `  ${experiments.toLocaleString('en')} by ${server}: ${what}`;
    return problem === null ? line : `${line}\n    ${problem}`;
  });
  const more = servers.length - lines.length;
  const rest = more > 0 ? [`  … and ${more.toLocaleString('en')} more; --limit shows them`] : [];
  return ['servers, and what would start them:', ...lines, ...rest].join('\n');
}
