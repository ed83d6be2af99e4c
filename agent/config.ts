import { existsSync, readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { readPolicy, type SourcePolicy, sourcesSchema } from '../artifacts/files/remote/policy.js';
import { integerBetween, numberBetween } from '../core/bounds.js';
import { SWEEP_LABEL } from '../core/experiment/node.js';
import { fileProblem } from '../core/input/file-problem.js';
import { LOG_SETTINGS } from '../core/log-settings.js';
import { engineFields, enginesOf, NO_ENGINES, type NodeEngines } from '../engines/config.js';
import type { Endpoint } from '../proto/client.js';
import { securityOf } from '../proto/credentials.js';
import { DEFAULT_AGENT_METRICS_PORT, DEFAULT_COORDINATOR } from '../proto/ports.js';
import type { ClientSecurity } from '../proto/security.js';
import { DEFAULT_FOLDER, SOCKET_NAME } from './power/protocol.js';
import { commandSchema } from './quality/scoring/external-scorer.js';
import { scorerSchema } from './quality/scoring/scorers.js';
import { takeToken } from './token.js';

/** Everything an agent can be told; every field has a default, so an empty file is a config. */
export const agentFileSchema = z.strictObject({
  nodeName: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'use letters, digits, dots and dashes; 63 at most')
    .optional()
    .describe('Unique among the nodes of a coordinator.'),
  labels: z
    .record(z.string(), z.string())
    .default({})
    .describe('Words that `placement.nodeSelector` of a sweep compares, such as `zone: lab`.'),
  onlySweep: z
    .string()
    .regex(/^[A-Za-z0-9]{1,63}$/, 'use the id that `ridge submit` prints')
    .optional()
    .describe('Id of the one sweep that this agent works for; left out = every one.'),
  coordinator: z
    .string()
    .min(1)
    .default(DEFAULT_COORDINATOR)
    .describe('`host:port` of the coordinator, or several with commas between.'),
  tls: z
    .strictObject({
      ca: z.string().optional().describe("Authority of the coordinator's certificate."),
      certificate: z.string().optional().describe('Certificate of this node, for mutual TLS.'),
      key: z.string().optional().describe('Its private key.'),
      serverName: z
        .string()
        .optional()
        .describe("Name in the coordinator's certificate, where it is dialled by another."),
    })
    .optional()
    .describe('Files with PEM; without them the connection is plaintext, which only loopback allows.'),
  tokenFile: z
    .string()
    .optional()
    .describe('File that holds the token, for TLS with a token instead of a certificate.'),
  credentialsFolder: z
    .string()
    .optional()
    .describe(
      'A folder with ca.crt, and tls.crt with tls.key, or token, instead of both: a Secret as Kubernetes mounts it.',
    ),
  modelFolders: z.array(z.string()).default([]).describe('The only folders that a sweep may name models in.'),
  sources: sourcesSchema
    .prefault({})
    .describe('What a sweep may name that has to be fetched first; nothing by default.'),
  cacheFolder: z
    .string()
    .optional()
    .describe('Digests, artifacts and fetched models; can be deleted at any time.'),
  stateFolder: z.string().optional().describe('Results that no coordinator has confirmed yet.'),
  artifactBytes: z
    .number()
    .positive()
    .default(50e9)
    .describe('The least recently used artifacts and fetched models go when all together are larger.'),
  sharing: z
    .strictObject({
      bytesPerSecond: z.number().positive().default(100e6).describe('Of all that comes and goes.'),
      waitSeconds: z
        .number()
        .nonnegative()
        .default(600)
        .describe('For so long a trial waits for what another node makes.'),
    })
    .nullable()
    .prefault({})
    .describe(
      'Gets what other nodes of the same namespace made, through the coordinator, and brings what they want of this one; null = it makes its own.',
    ),
  scorers: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use small letters, digits and dashes'),
      scorerSchema,
    )
    .default({})
    .describe(
      'Commands that may score generated answers, and interpreters that run them; a task names one as `external:NAME` and can say no more.',
    ),
  commands: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use small letters, digits and dashes'),
      commandSchema,
    )
    .default({})
    .describe(
      "Commands that request graphs may run, by the name of their nodes' `command`; a graph can say no more than the text that one reads.",
    ),
  ...engineFields,
  cpuGroups: z
    .array(z.array(z.number().int().nonnegative()).min(1))
    .default([])
    .describe('Splits the CPUs into devices of their own, e.g. `[[0, 1], [2, 3]]`; empty = one device.'),
  gpus: z
    .array(z.string().min(1))
    .nullable()
    .default(null)
    .describe(
      'GPUs that it offers, as CUDA_VISIBLE_DEVICES spells them, which says it where this does not; null = every one that is here.',
    ),
  untilDone: z
    .boolean()
    .default(false)
    .describe('Ends by itself when the coordinator has nothing more to do.'),
  mostIdleSeconds: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe(
      'Ends by itself when there was no work for so long, whoever it was that had none; null = it waits.',
    ),
  runners: z
    .array(z.string())
    .optional()
    .describe('Runners to offer; left out = every one whose engine is here.'),
  meters: z
    .strictObject({
      energy: z
        .enum(['auto', 'none', 'replay'])
        .default('auto')
        .describe('`auto` takes the sources that are here, `none` takes none, `replay` plays `replayFile`.'),
      replayFile: z
        .string()
        .nullable()
        .default(null)
        .describe('A result record, or its samples, to play instead of an energy source.'),
      sysRoot: z
        .string()
        .default('/sys')
        .describe('Another place of /sys, where a container has it mounted elsewhere.'),
      powermetrics: z
        .boolean()
        .default(false)
        .describe(
          "On Apple's chips: start `sudo -n powermetrics` where IOReport is closed. It runs beside every trial.",
        ),
      idleSeconds: numberBetween(0, 600)
        .default(5)
        .describe(
          'Seconds that the energy sources are read before the first model of a sweep is loaded; 0 = net energy is not known.',
        ),
      gridGramsPerKilowattHour: numberBetween(0, 5000)
        .nullable()
        .default(null)
        .describe(
          'Grams of CO2 equivalent per kilowatt hour where this node stands; null = nobody states it, and no CO2e is told.',
        ),
    })
    .prefault({})
    .describe('How energy and other readings are taken.'),
  limits: z
    .strictObject({
      trialTimeoutSeconds: z.number().positive().default(3600).describe('A trial that runs longer is ended.'),
      memoryLimitBytes: z
        .number()
        .positive()
        .nullable()
        .default(null)
        .describe('Memory of one trial; null = what the node has.'),
      cgroupFolder: z
        .string()
        .nullable()
        .default(null)
        .describe(
          'A delegated cgroup v2 folder whose children have the memory controller; null = watch instead.',
        ),
    })
    .prefault({})
    .describe('What a trial may use.'),
  exporter: z
    .strictObject({
      host: z.string().default('127.0.0.1').describe('Address to listen at.'),
      port: integerBetween(0, 65_535)
        .default(DEFAULT_AGENT_METRICS_PORT)
        .describe('Port; 0 takes a free one.'),
    })
    .nullable()
    .default(null)
    .describe('Where /metrics, /healthz and /readyz are served; null = nowhere.'),
  roofs: z
    .string()
    .refine((setting) => ['auto', 'stored', 'off'].includes(setting) || existsSync(setting), {
      error: ({ input }) => `${input} is neither auto, stored, off nor a file`,
    })
    .default('auto')
    .describe(
      "Measured ceilings of this node's devices: `auto` measures once, before work is asked for, and again when the machine has changed; `stored` takes what `ridge roofs` left; `off`; or a file that it wrote.",
    ),
  roofsFolder: z.string().optional().describe('Where they are kept; left out = in the state folder.'),
  power: z
    .strictObject({
      socket: z
        .string()
        .min(1)
        .default(join(DEFAULT_FOLDER, SOCKET_NAME))
        .describe('Socket of the power helper.'),
    })
    .nullable()
    .default(null)
    .describe(
      'The power helper that may set caps and clocks for a sweep (docs/power.md); null = a sweep can set nothing.',
    ),
  ...LOG_SETTINGS,
});

export type AgentFile = z.input<typeof agentFileSchema>;

/** A config after the door: checked, defaults filled in, files of certificates read. */
export type AgentConfig = Omit<
  z.output<typeof agentFileSchema>,
  | 'nodeName'
  | 'cacheFolder'
  | 'stateFolder'
  | 'roofsFolder'
  | 'tls'
  | 'tokenFile'
  | 'credentialsFolder'
  | 'onlySweep'
  | 'sources'
  | keyof typeof engineFields
> & {
  readonly sources: SourcePolicy;
  readonly engines: NodeEngines;
  readonly nodeName: string;
  readonly cacheFolder: string;
  readonly stateFolder: string;
  readonly roofsFolder: string;
  readonly security: ClientSecurity;
  /**
   * Where the coordinator is and how it is dialled, as files have it now: a certificate that was renewed is
   * taken with the next stream.
   */
  readonly endpoint: () => Endpoint;
};

/** Every error of a config at once, one sentence each. */
export class AgentConfigError extends Error {
  override readonly name = 'AgentConfigError';
  readonly errors: readonly string[];
  constructor(errors: readonly string[]) {
    super(errors.join('\n'));
    this.errors = errors;
  }
}

/**
 * Reads the agent's config: defaults, then the file, then RIDGE_* of the environment, then what the
 * command line says; of a block such as `meters` it changes the fields that it names, and no others.
 * @throws AgentConfigError
 */
export function loadAgentConfig(
  sources: {
    readonly file?: string | undefined;
    readonly env?: NodeJS.ProcessEnv | undefined;
    readonly overrides?: AgentFile | undefined;
  } = {},
): AgentConfig {
  const env = sources.env ?? process.env;
  const raw = withOverrides(
    { ...readAgentFile(sources.file), ...fromEnvironment(env) },
    sources.overrides ?? {},
  );
  const checked = agentFileSchema.safeParse(raw);
  if (!checked.success) {
    throw new AgentConfigError(
      checked.error.issues.map((issue) => `${issue.path.join('.') || 'the config'}: ${sentenceOf(issue)}`),
    );
  }
  const {
    nodeName,
    cacheFolder,
    tls,
    tokenFile,
    credentialsFolder,
    onlySweep,
    sources: fetching,
    servers,
    onnxRuntimes,
    rpc,
    softwareDevices,
    ...rest
  } = checked.data;
  const errors: string[] = [];
  const policy = readPolicy(fetching, rest.artifactBytes, (name, path) => `${bytesOf(name, path, errors)}`);
  const engines = readEngines({ servers, onnxRuntimes, rpc, softwareDevices }, errors);
  if (errors.length > 0) throw new AgentConfigError(errors);
  const stateFolder = resolve(
    rest.stateFolder ?? join(base(env.XDG_STATE_HOME, '.local/state'), 'ridgepoint'),
  );
  const token = env === process.env ? takeToken() : env.RIDGE_TOKEN;
  const secure = () =>
    credentialsFolder === undefined ? readSecurity(tls, tokenFile, token) : securityIn(credentialsFolder);
  const security = secure();
  return {
    ...rest,
    sources: policy,
    engines,
    modelFolders: rest.modelFolders.map((folder) => resolve(folder)),
    nodeName: nodeName ?? defaultNodeName(),
    cacheFolder: resolve(cacheFolder ?? join(base(env.XDG_CACHE_HOME, '.cache'), 'ridgepoint')),
    stateFolder,
    roofsFolder: resolve(rest.roofsFolder ?? join(stateFolder, 'roofs')),
    labels: onlySweep === undefined ? rest.labels : { ...rest.labels, [SWEEP_LABEL]: onlySweep },
    security,
    endpoint: () => ({ address: rest.coordinator, security: secure() }),
  };
}

/** What is wrong with a name says more than that one is wrong. */
function sentenceOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}

/**
 * @returns the fields of a config file as they stand, nothing checked.
 * @throws AgentConfigError when there are none to read.
 */
export function readAgentFile(path: string | undefined): Record<string, unknown> {
  if (path === undefined) return {};
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AgentConfigError([`cannot read the config file ${path}: ${fileProblem(error)}`]);
  }
  let content: unknown;
  try {
    content = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new AgentConfigError([`${path} is not YAML: ${(error as Error).message}`]);
  }
  if (content === null || content === undefined) return {};
  if (typeof content === 'object' && !Array.isArray(content)) return content as Record<string, unknown>;
  throw new AgentConfigError([`${path} has to hold fields, e.g. \`coordinator: ${DEFAULT_COORDINATOR}\``]);
}

function readEngines(fields: Parameters<typeof enginesOf>[0], errors: string[]): NodeEngines {
  try {
    return enginesOf(fields);
  } catch (error) {
    errors.push((error as Error).message);
    return NO_ENGINES;
  }
}

function bytesOf(name: string, path: string, errors: string[]): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    errors.push(`${name}: cannot read ${path}: ${fileProblem(error)}`);
    return Buffer.alloc(0);
  }
}

function fromEnvironment(env: NodeJS.ProcessEnv): Record<string, unknown> {
  return defined({
    nodeName: env.RIDGE_NODE_NAME,
    coordinator: env.RIDGE_COORDINATOR,
    modelFolders: env.RIDGE_MODEL_FOLDERS?.split(':').filter((folder) => folder !== ''),
    cacheFolder: env.RIDGE_CACHE_FOLDER,
    stateFolder: env.RIDGE_STATE_FOLDER,
    tokenFile: env.RIDGE_TOKEN_FILE,
    credentialsFolder: env.RIDGE_CREDENTIALS,
    roofs: env.RIDGE_ROOFS,
    gpus: gpusOf(env.CUDA_VISIBLE_DEVICES ?? env.SLURM_JOB_GPUS),
    logLevel: env.RIDGE_LOG_LEVEL,
    logFormat: env.RIDGE_LOG_FORMAT,
  });
}

/** @returns the GPUs that a variable of the environment names; it may say that there are none. */
function gpusOf(variable: string | undefined): string[] | undefined {
  const named = variable?.split(',').map((gpu) => gpu.trim());
  return named?.filter((gpu) => gpu !== '' && gpu !== '-1' && gpu !== 'NoDevFiles');
}

function readSecurity(
  tls: z.output<typeof agentFileSchema>['tls'],
  tokenFile: string | undefined,
  tokenOfEnvironment: string | undefined,
): ClientSecurity {
  const errors: string[] = [];
  const bytesFrom = (name: string, path: string) => bytesOf(name, path, errors);
  const serverName = tls?.serverName ?? null;
  const token =
    tokenFile === undefined ? tokenOfEnvironment : bytesFrom('tokenFile', tokenFile).toString().trim();
  let security: ClientSecurity = { kind: 'plaintext' };
  if (token !== undefined && token !== '') {
    const ca = tls?.ca === undefined ? null : bytesFrom('tls.ca', tls.ca);
    security = { kind: 'token', ca, token, serverName };
  } else if (tls !== undefined) {
    const { ca, certificate, key } = tls;
    if (ca === undefined || certificate === undefined || key === undefined) {
      errors.push('tls: give ca, certificate and key for mutual TLS, or a tokenFile beside it');
    } else {
      security = {
        kind: 'mutual-tls',
        ca: bytesFrom('tls.ca', ca),
        certificate: bytesFrom('tls.certificate', certificate),
        key: bytesFrom('tls.key', key),
        serverName,
      };
    }
  }
  if (errors.length > 0) throw new AgentConfigError(errors);
  return security;
}

function securityIn(folder: string): ClientSecurity {
  const security = securityOf((name) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name)) : null,
  );
  if (security !== null) return security;
  throw new AgentConfigError([`credentialsFolder: ${folder} needs ca.crt, tls.crt and tls.key, or token`]);
}

function defaultNodeName(): string {
  const name = hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63);
  return name === '' ? 'node' : name;
}

/** XDG base directory: the variable counts only when it is an absolute path. */
function base(variable: string | undefined, fallback: string): string {
  return variable?.startsWith('/') ? variable : join(homedir(), fallback);
}

function withOverrides(fields: Record<string, unknown>, overrides: object): Record<string, unknown> {
  const named = Object.entries(defined({ ...overrides }));
  return {
    ...fields,
    ...Object.fromEntries(
      named.map(([name, value]) => {
        const before = fields[name];
        return [name, isBlock(before) && isBlock(value) ? { ...before, ...defined(value) } : value];
      }),
    ),
  };
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
