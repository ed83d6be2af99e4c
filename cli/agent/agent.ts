import { type AgentFile, loadAgentConfig } from '../../agent/config.js';
import { startHere } from '../../agent/door/node.js';
import { usageError } from '../exit.js';
import { onInterrupt } from '../interrupts.js';
import { asUsageError } from '../node-config.js';
import { say } from '../output/print.js';
import { startError } from '../start-error.js';
import type { AgentOptions } from './command.js';

/** `ridge agent`: works for a coordinator until it is told to stop. */
export async function serveAgent(options: AgentOptions): Promise<void> {
  const config = readConfig(options, overridesOf(options));
  const agent = await startHere(config).catch((error: unknown) => {
    throw startError(error);
  });
  const { profile } = agent;
  const devices = profile.devices.map((d) => d.classes.at(-1) ?? d.id).join(', ');
  say(`agent ${profile.name}: ${profile.cpuModel}, devices: ${devices}`);
  say(`agent ${profile.name}: asks the coordinator at ${config.coordinator} for work`);
  if (agent.exporterUrl !== null) say(`agent ${profile.name}: metrics at ${agent.exporterUrl}`);
  const interrupts = onInterrupt(
    'finishing the running trial',
    () => void agent.drain('interrupted'),
    () => void agent.stopNow(),
  );
  await agent.done;
  interrupts.close();
}

/** @throws CommandError (2) with every error of the configuration. */
export function readConfig(
  options: Pick<AgentOptions, 'config'>,
  overrides: AgentFile,
): ReturnType<typeof loadAgentConfig> {
  return asUsageError(
    () => loadAgentConfig({ file: options.config, overrides }),
    "the agent's configuration",
  );
}

/** @returns what the command line says of the agent's configuration. */
export function overridesOf(options: AgentOptions): AgentFile {
  const tls =
    options.tlsCa === undefined && options.tlsCert === undefined
      ? undefined
      : { ca: options.tlsCa, certificate: options.tlsCert, key: options.tlsKey };
  return {
    ...(options.coordinator !== undefined && { coordinator: options.coordinator }),
    ...(options.name !== undefined && { nodeName: options.name }),
    ...(options.label.length > 0 && { labels: labelsOf(options.label) }),
    ...(options.models.length > 0 && { modelFolders: [...options.models] }),
    ...(options.logFormat !== undefined && { logFormat: options.logFormat }),
    ...(options.sweep !== undefined && { onlySweep: options.sweep }),
    ...(options.data !== undefined && { stateFolder: options.data }),
    ...(options.tokenFile !== undefined && { tokenFile: options.tokenFile }),
    ...(tls !== undefined && { tls: JSON.parse(JSON.stringify(tls)) as NonNullable<AgentFile['tls']> }),
    ...(options.metrics !== undefined && { exporter: addressOf('--metrics', options.metrics) }),
    ...(options.untilDone === true && { untilDone: true }),
    ...(options.leaveIdle !== undefined && { mostIdleSeconds: options.leaveIdle }),
    ...(options.energy !== undefined && { meters: energyChoice(options.energy) }),
  };
}

/**
 * `host:port`, `[v6]:port` or `:port` (loopback).
 * @throws CommandError (2) naming the option.
 */
function addressOf(option: string, text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw usageError(`${option} ${text} is not an address`, 'Write HOST:PORT, e.g. 127.0.0.1:9464.');
  }
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port };
}

function labelsOf(written: readonly string[]): Record<string, string> {
  const pairs = written.map((text) => {
    const [, key, value] = /^([^=]{1,63})=(.{0,256})$/.exec(text) ?? [];
    if (key === undefined || value === undefined)
      throw usageError(`--label ${text} is no label`, 'Write it as KEY=VALUE, such as zone=lab.');
    return [key, value] as const;
  });
  return Object.fromEntries(pairs);
}

/** `auto`, `none` or `replay:FILE`, as the agent's config writes it. */
export function energyChoice(choice: string): NonNullable<AgentFile['meters']> {
  if (choice === 'auto' || choice === 'none') return { energy: choice };
  const file = /^replay:(.+)$/.exec(choice)?.[1];
  if (file !== undefined) return { energy: 'replay', replayFile: file };
  throw usageError(`--energy ${choice} is not known`, 'It is auto, none, or replay:FILE.');
}
