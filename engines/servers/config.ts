import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Experiment } from '../../core/experiment/experiment.js';
import { orElse } from '../../core/or-else.js';
import { PROFILES, SERVER_KINDS, type ServerKindName } from '../../core/runners/server/index.js';
import { type ServerProfile, serverProfileSchema } from '../../core/runners/server/profile.js';
import { findProgram } from '../../process/isolation/start-tools.js';
import { builtProgramFile } from '../native/engines/location.js';
import { findEngine } from '../native/packages.js';

const NAMES = Object.keys(PROFILES) as [ServerKindName, ...ServerKindName[]];
const fields = serverProfileSchema.shape;
const args = z.array(z.string().max(4096)).max(200);

/**
 * How this node runs or reaches a server. A sweep names it, and can say no more of its command or address.
 */
const serverEntrySchema = z
  .strictObject({
    profile: z.enum(NAMES).optional().describe("The runner of sweeps; left out = the entry's own name."),
    command: args
      .min(1)
      .optional()
      .describe("In place of the profile's command, which is looked for on the PATH."),
    arguments: args.default([]).describe('Behind everything that the profile and the point say.'),
    environment: z
      .record(z.string(), z.string())
      .default({})
      .describe('Variables that the server gets beside those of the agent.'),
    devices: z
      .array(z.string())
      .min(1)
      .optional()
      .describe(
        'GPUs that the server sees, as CUDA_VISIBLE_DEVICES spells them; left out = the device of the trial.',
      ),
    attach: z
      .url({ protocol: /^https?$/ })
      .refine((address) => new URL(address).pathname === '/', { error: 'give the address without a path' })
      .optional()
      .describe('A server that runs already, at this address: it is neither started nor stopped.'),
    model: z
      .string()
      .min(1)
      .optional()
      .describe('What requests call the model; left out = what the server lists first.'),
    apiKeyFile: z.string().min(1).optional().describe('File that holds the key that the server asks for.'),
    change: z
      .strictObject({
        readiness: fields.readiness,
        shutdown: fields.shutdown,
        paths: fields.paths,
        exactLength: fields.exactLength,
        // Their defaults are of profiles, and would take the place of what a profile says.
        streamOptions: fields.streamOptions.unwrap(),
        prefixes: fields.prefixes.unwrap(),
        metrics: fields.metrics.unwrap(),
        version: fields.version.unwrap(),
      })
      .partial()
      .prefault({})
      .describe(
        'What of the profile is otherwise here: paths, readiness, shutdown, how it is asked, metrics (docs/servers.md).',
      ),
  })
  .refine(({ command, attach }) => command === undefined || attach === undefined, {
    error: 'give either command or attach: a server is started here, or runs already',
  });

/** By name. */
export const serversSchema = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use small letters, digits and dashes'),
  serverEntrySchema,
);

/** A server that this node can start or reach. */
export interface ConfiguredServer {
  readonly name: string;
  readonly profile: ServerProfile;
  /** Program and first arguments; null = it is attached to. */
  readonly command: readonly string[] | null;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly devices: readonly string[] | null;
  readonly address: string | null;
  readonly model: string | null;
  readonly apiKeyFile: string | null;
}

/**
 * @returns every server of a configuration, and those of profiles that it does not name and whose command may
 *   be on the PATH.
 * @throws Error with one sentence for an entry whose profile is not known or needs a command.
 */
export function configuredServers(entries: z.output<typeof serversSchema>): ConfiguredServer[] {
  const named = Object.entries(entries).map(configured);
  const left = ({ name, command }: ServerProfile) =>
    command.length > 0 && !named.some((one) => one.profile.name === name);
  const others = Object.values(PROFILES).filter(left);
  return [...named, ...others.map(({ name }) => configured([name, serverEntrySchema.parse({})]))];
}

function configured([name, entry]: [string, z.output<typeof serverEntrySchema>]): ConfiguredServer {
  const profile = entry.profile ?? name;
  if (!Object.hasOwn(PROFILES, profile))
    throw new Error(`servers.${name}: name its profile, one of ${Object.keys(SERVER_KINDS).join(', ')}`);
  const shipped: ServerProfile = PROFILES[profile as ServerKindName];
  const { attach, command, environment, devices = null, model = null, apiKeyFile = null } = entry;
  if (attach === undefined && command === undefined && shipped.command.length === 0)
    throw new Error(
      `servers.${name}: the profile ${profile} has no command of its own: give command or attach`,
    );
  return {
    name,
    arguments: entry.arguments,
    environment,
    devices,
    model,
    apiKeyFile,
    profile: { ...shipped, ...(entry.change as Partial<ServerProfile>) },
    command: attach === undefined ? (command ?? commandOf(shipped)) : null,
    address: attach?.replace(/\/$/, '') ?? null,
  };
}

/**
 * @returns the server that a point takes: the one that it names, or the first with the profile of its runner;
 *   undefined = there is none.
 */
export function serverFor(
  { kind, options }: Experiment['runner'],
  servers: readonly ConfiguredServer[],
): ConfiguredServer | undefined {
  const named = typeof options.server === 'string' ? options.server : null;
  return servers.find(({ name, profile }) => profile.name === kind && (named === null || name === named));
}

/**
 * @returns the command of a profile, with the program that was built here in place of one that is not on the
 *   PATH.
 */
export function commandOf({ command, built }: Pick<ServerProfile, 'command' | 'built'>): readonly string[] {
  const [program = '', ...rest] = command;
  if (built === null || findProgram(program, process.env.PATH) !== null) return command;
  // Without an engine nothing was built.
  const file = orElse(() => builtProgramFile(findEngine().release, built), '');
  return existsSync(file) ? [file, ...rest] : command;
}
