import {
  type AgentConfig,
  AgentConfigError,
  type AgentFile,
  loadAgentConfig,
  readAgentFile,
} from '../agent/config.js';
import { makerFor, OBSERVED_RUNNER, plainRunnerOf, RUNNERS } from '../core/runners/index.js';
import { usageError } from './exit.js';
import type { NodeOptions } from './options/config.js';

/** What of an agent's configuration holds for commands that work on this machine. */
const SHARED = [
  'modelFolders',
  'sources',
  'artifactBytes',
  'scorers',
  'commands',
  'power',
  'meters',
  'servers',
  'onnxRuntimes',
  'rpc',
  'softwareDevices',
] as const;

/**
 * A sweep may come from anybody, so commands that run one allow what the configuration and the command line
 * allow, and by default nothing but files.
 * @throws CommandError (2) with every error of the file.
 */
export function nodeConfig(
  options: NodeOptions,
): Pick<AgentConfig, 'modelFolders' | 'sources' | 'artifactBytes' | 'scorers' | 'commands'> {
  return asUsageError(() => {
    const { modelFolders, sources, artifactBytes, scorers, commands } = loadAgentConfig({
      env: {},
      overrides: sharedOverrides(options),
    });
    return { modelFolders, sources, artifactBytes, scorers, commands };
  });
}

/** @returns the fields for an agent of this process. @throws CommandError (2) */
export function sharedOverrides({ config, allowHf, servers }: NodeOptions): AgentFile {
  const shared = sharedFields(config);
  return {
    ...shared,
    ...(allowHf === true && { sources: { ...shared.sources, hf: true } }),
    // A point takes the first server of its kind.
    ...(servers !== undefined && { servers: { ...servers, ...shared.servers, ...servers } }),
  };
}

function sharedFields(path: string | undefined): AgentFile {
  if (path === undefined) return {};
  // The rest is for the node that the file was written for; an error in it is still one.
  asUsageError(() => loadAgentConfig({ file: path, env: {} }));
  const file = readAgentFile(path);
  return Object.fromEntries(SHARED.flatMap((name) => (name in file ? [[name, file[name]]] : [])));
}

/**
 * @param used kinds of runners that experiments name.
 * @returns the kinds to look for on this node: those, and what makes, asks and looks into models for them.
 *   Each opens its engine in a process of its own.
 */
function runnersFor(used: readonly string[]): string[] {
  const wanted = new Set(
    used.flatMap((kind) => [kind, makerFor(kind), plainRunnerOf(kind), OBSERVED_RUNNER]),
  );
  return RUNNERS.flatMap(({ kind }) => (wanted.has(kind) ? [kind] : []));
}

/**
 * @param runners kinds that experiments name.
 * @param overrides of what the options say.
 * @returns what an agent of this process is told, which is complete in itself: settings meant for a node's
 *   own agent must not leak into it, but for where roofs are.
 * @throws CommandError (2)
 */
export function ownAgentConfig(
  options: NodeOptions,
  runners: readonly string[],
  overrides: (shared: AgentFile) => AgentFile,
): AgentConfig {
  const { XDG_CACHE_HOME, XDG_STATE_HOME, RIDGE_STATE_FOLDER } = process.env;
  const shared = sharedOverrides(options);
  const { roofsFolder } = agentConfig(options.config, { XDG_STATE_HOME, RIDGE_STATE_FOLDER });
  return loadAgentConfig({
    env: { XDG_CACHE_HOME },
    overrides: { ...shared, runners: runnersFor(runners), roofsFolder, ...overrides(shared) },
  });
}

/** @returns what this machine's own agent is told. @throws CommandError (2) */
export function agentConfig(path: string | undefined, env = process.env): AgentConfig {
  return asUsageError(() => loadAgentConfig({ file: path, env }));
}

/** @throws CommandError (2) with every error of an agent's configuration. */
export function asUsageError<T>(read: () => T, what = 'the configuration'): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AgentConfigError)) throw error;
    throw usageError(`${what} is wrong\n${error.errors.join('\n')}`);
  }
}
