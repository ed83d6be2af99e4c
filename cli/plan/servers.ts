import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { locateSource } from '../../artifacts/files/source.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { orElse } from '../../core/or-else.js';
import { nodeDemands } from '../../core/runners/node-demands.js';
import { profileOf } from '../../core/runners/server/index.js';
import { lorasOf } from '../../core/serving/loras.js';
import { commandLine } from '../../engines/servers/command.js';
import { type ConfiguredServer, serverFor } from '../../engines/servers/config.js';
import { gpusMissing } from '../../engines/servers/devices.js';

/** A server that experiments of a plan ask. */
export interface PlannedServer {
  /** Of the node's configuration, or the profile that would be looked for on the PATH. */
  readonly server: string;
  /** As it would be started, `{port}` where its port goes; null = it runs already. */
  readonly command: readonly string[] | null;
  /** Where it runs already; null = it is started. */
  readonly address: string | null;
  /** Why this node could not run it so, as far as its configuration says; null = nothing speaks against it. */
  readonly problem: string | null;
  /** Of the experiments that were looked at. */
  readonly experiments: number;
}

/** @returns the servers that experiments would have started here, each command line once, by the configuration of this node. */
export function plannedServers(
  experiments: readonly Experiment[],
  servers: readonly ConfiguredServer[],
  { devices }: Pick<NodeProfile, 'devices'>,
  settings: ModelSettings,
): PlannedServer[] {
  const planned = new Map<string, PlannedServer>();
  for (const { runner, model, device } of experiments) {
    if (profileOf(runner.kind) === undefined) continue;
    const server = serverFor(runner, servers);
    if (server === undefined) continue;
    const { draftModel } = runner.options;
    const command =
      server.address === null
        ? commandLine(server, {
            options: runner.options,
            modelPath: placeOf(model.source, settings),
            modelName: model.name,
            adapters: [],
            loras: lorasOf(runner.options).map(({ name, source }) => ({
              name,
              path: placeOf(source, settings),
            })),
            draftPath: typeof draftModel === 'string' ? placeOf(draftModel, settings) : null,
            cpus: devices.find(({ classes }) => classes.includes(device))?.cpus.length ?? 1,
            deviceClass: device,
          })
        : null;
    const key = JSON.stringify([server.name, command]);
    const before = planned.get(key);
    planned.set(key, {
      server: server.name,
      command,
      address: server.address,
      problem: gpusMissing(server, runner.options, device, nodeDemands(runner.options).devices),
      experiments: (before?.experiments ?? 0) + 1,
    });
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
    const what = command === null ? `runs at ${address}` : command.map(quoted).join(' ');
    const line = `  ${experiments.toLocaleString('en')} by ${server}: ${what}`;
    return problem === null ? line : `${line}\n    ${problem}`;
  });
  const more = servers.length - lines.length;
  const rest = more > 0 ? [`  … and ${more.toLocaleString('en')} more; --limit shows them`] : [];
  return ['servers, and what would start them:', ...lines, ...rest].join('\n');
}

/** A word as a shell takes it. */
export function quoted(argument: string): string {
  return /^[\w@%+=:,./{}-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
