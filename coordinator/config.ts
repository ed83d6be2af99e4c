import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { integerBetween } from '../core/bounds.js';
import { type FailureError, failed } from '../core/errors.js';
import { fileProblem } from '../core/input/file-problem.js';
import { LOG_SETTINGS } from '../core/log-settings.js';
import type { LogFormat } from '../core/log-text.js';
import { CONNECTION_LIMITS } from '../proto/limits.js';
import { OUTAGE_SECONDS } from '../proto/outage.js';
import { DEFAULT_COORDINATOR, DEFAULT_COORDINATOR_METRICS, DEFAULT_COORDINATOR_WEB } from '../proto/ports.js';
import { SCOPES } from '../proto/security.js';

/** What somebody may do, by whatever credential. */
const grant = {
  scopes: z.array(z.enum(SCOPES)).describe('What they may do.'),
  nodes: z
    .array(z.string().min(1))
    .optional()
    .describe(
      "Names that an agent may have; a final `*` matches any rest. Left out: the common name, or the token's name.",
    ),
  namespaces: z
    .array(z.string().min(1))
    .optional()
    .describe('Namespaces that it is for; a final `*` matches any rest. Left out: all.'),
};
const seconds = z.number().positive();
const count = z.number().int().positive();

const logSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('memory') }),
  z.strictObject({
    kind: z.literal('sqlite'),
    path: z.string().min(1).describe('The file; it is made where it is not there.'),
    maxBytes: count
      .nullable()
      .default(null)
      .describe('Largest size of the file; null = as large as the disk allows.'),
  }),
  z.strictObject({
    kind: z.literal('jetstream'),
    servers: z.array(z.string().min(1)).min(1).describe('Addresses of NATS servers, `nats://HOST:4222`.'),
    stream: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, 'letters, digits, dashes and underscores')
      .default('RIDGEPOINT')
      .describe('Stream that holds the log.'),
    replicas: integerBetween(1, 5)
      .default(1)
      .describe('Copies that the NATS cluster keeps; 3 survives the loss of a server.'),
    credentialsFile: z.string().nullable().default(null).describe('Credentials file of NATS; null = none.'),
    monitor: z
      .url()
      .nullable()
      .default(null)
      .describe(
        'Monitoring address of a server (`http://HOST:8222`), which says when it syncs; null = durability is unknown.',
      ),
  }),
  z.strictObject({
    kind: z.literal('postgres'),
    url: z
      .string()
      .min(1)
      .describe(
        '`postgres://USER@HOST:PORT/DATABASE`, with libpq’s parameters as docs/cluster.md has them; a password is never part of it.',
      ),
    patienceSeconds: seconds.default(30).describe('Seconds for which a server that is away is waited for.'),
  }),
]);

const kept = {
  maxBytes: count.default(1024 ** 3).describe('Of one file of answers or calls.'),
  rawBytes: count
    .nullable()
    .default(256 * 1024)
    .describe('Raw samples of a result of more bytes go there, too; null = they are in the log.'),
};

const bodiesSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('folder'),
    path: z.string().min(1).describe('The folder; it is made where it is not there.'),
    ...kept,
  }),
  z.strictObject({
    kind: z.literal('s3'),
    endpoint: z.url().describe('Address of the store.'),
    bucket: z.string().min(1).describe('Bucket, which has to be there.'),
    region: z.string().min(1).default('us-east-1').describe('Region that requests are signed for.'),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9._/-]*$/, 'letters, digits, dots, dashes, underscores and slashes')
      .default('ridgepoint/')
      .describe('Beginning of every key.'),
    credentialsFile: z
      .string()
      .nullable()
      .default(null)
      .describe('As `~/.aws/credentials`; null = AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.'),
    incomingPath: z
      .string()
      .nullable()
      .default(null)
      .describe('Folder in which files are gathered until they are whole; null = one for temporary files.'),
    ...kept,
  }),
]);

const artifactsSchema = z.strictObject({
  path: z.string().min(1).describe('The folder; it is made where it is not there.'),
  maxBytes: count
    .default(20e9)
    .describe(
      'Of all artifacts. Beyond that, those of the namespace that has most go, the longest unused first.',
    ),
  keepFreeBytes: z.number().int().nonnegative().default(5e9).describe('What its disk has left in any case.'),
});

const securitySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('plaintext') }),
  z.strictObject({
    kind: z.literal('mutual-tls'),
    caFile: z.string().describe('Authority of client certificates (PEM).'),
    certificateFile: z.string().describe("The coordinator's certificate (PEM)."),
    keyFile: z.string().describe('Its private key (PEM).'),
    grants: z
      .array(
        z.strictObject({
          commonName: z.string().describe('Common name of a certificate; a final `*` matches any rest.'),
          ...grant,
        }),
      )
      .default([{ commonName: '*', scopes: ['agent', 'submit', 'read', 'admin'] }])
      .describe('Which client certificates may do what; a final `*` matches any rest of the common name.'),
    revocationsFile: z
      .string()
      .nullable()
      .default(null)
      .describe(
        'List of revoked certificates (PEM, signed by the authority): `ridge certs revoke` writes it.',
      ),
  }),
  z.strictObject({
    kind: z.literal('token'),
    certificateFile: z.string().describe("The coordinator's certificate (PEM)."),
    keyFile: z.string().describe('Its private key (PEM).'),
    tokensFile: z
      .string()
      .describe(
        'A YAML or JSON list of `{ name, sha256, scopes, nodes, namespaces }`; kept out of this file because it is secret where it has `token` in place of `sha256`.',
      ),
  }),
]);

export const tokensSchema = z.array(
  z
    .strictObject({
      name: z.string().min(1),
      /** The token itself, where somebody wrote the list by hand. */
      token: z.string().min(16, 'at least 16 characters').optional(),
      /** SHA-256 of the token as hexadecimal digits: `ridge token create` writes it. */
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')
        .optional(),
      ...grant,
      createdAt: z.iso.datetime().optional(),
      expiresAt: z.iso.datetime().optional(),
      revokedAt: z.iso.datetime().optional(),
    })
    .refine(
      ({ token, sha256 }) => (token === undefined) !== (sha256 === undefined),
      'each has a token, or its sha256',
    ),
);
export type TokenEntry = z.output<typeof tokensSchema>[number];

const pushSchema = z.strictObject({
  kind: z.literal('otlp'),
  url: z
    .url()
    .describe('Of an OpenTelemetry collector …/v1/metrics, of Prometheus …/api/v1/otlp/v1/metrics.'),
  intervalSeconds: seconds.default(15).describe('From one push to the next.'),
  tokenFile: z.string().nullable().default(null).describe('Holds a bearer token.'),
});

/** The coordinator's configuration, with every default. */
export const coordinatorConfigSchema = z.strictObject({
  grpcAddress: z
    .string()
    .default(DEFAULT_COORDINATOR)
    .describe('Where agents and tools reach it; port 0 takes a free one.'),
  metricsAddress: z
    .string()
    .nullable()
    .default(DEFAULT_COORDINATOR_METRICS)
    .describe('Where /metrics, /healthz, /readyz and /leadz are; null = nowhere.'),
  webAddress: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'Where the live web view and its JSON API are, with the security below; null = nowhere. `ridge coordinator` has 127.0.0.1:7118.',
    ),
  webWrites: z
    .boolean()
    .default(false)
    .describe(
      'Whether who has the scope `submit` may submit, pause and cancel sweeps in the web view; else it only shows.',
    ),
  advertise: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      '`host:port` by which agents, tools and other coordinators name this one; null = `grpcAddress`.',
    ),
  advertiseWeb: z
    .url()
    .nullable()
    .default(null)
    .describe('URL of the web view as people reach it; null = as it listens.'),
  otherWebUrls: z
    .array(z.url())
    .default([])
    .describe('Web views of the other coordinators: the page links to them where this one does not answer.'),
  leaderSeconds: z
    .number()
    .min(1)
    .default(3)
    .describe(
      'Of several coordinators on one log another one leads at the latest so long after the one that led was last heard of. Shorter is sooner, and lets a slow store end a term that could have gone on.',
    ),
  log: logSchema
    .default(() => ({ kind: 'sqlite' as const, path: defaultLogPath(), maxBytes: null }))
    .describe(
      'Where the facts are kept; left out = the SQLite file `ridgepoint/coordinator.sqlite` in `XDG_STATE_HOME` (`~/.local/state`).',
    ),
  logWaitSeconds: z
    .number()
    .nonnegative()
    .default(OUTAGE_SECONDS)
    .describe('Seconds for which a server of the log that is not there yet is waited for at the start.'),
  bodies: bodiesSchema
    .nullable()
    .default(null)
    .describe(
      'Where answers and calls are kept that records refer to; null = nowhere, they stay in the caches of nodes. `ridge coordinator` with a SQLite log has a folder beside it.',
    ),
  artifacts: artifactsSchema
    .nullable()
    .default(null)
    .describe(
      'A folder for what nodes made of models, so that others of the same namespace get it instead of making it again; null = each makes its own. `ridge coordinator` with a SQLite log has one beside it.',
    ),
  security: securitySchema
    .default({ kind: 'plaintext' })
    .describe('How callers prove who they are; plain text is for loopback alone.'),
  namespaces: z
    .record(
      z.string().regex(/^(\*|[a-z0-9][a-z0-9._-]{0,62})$/, 'small letters, digits, dots and dashes, or *'),
      z.strictObject({
        weight: z
          .number()
          .positive()
          .max(1e6)
          .default(1)
          .describe("Its share of device time against the others', while several wait."),
        runningTrials: count
          .nullable()
          .default(null)
          .describe('Trials at a time; null = as many as there are devices.'),
        deviceHours: z
          .number()
          .positive()
          .nullable()
          .default(null)
          .describe('Of all its trials together; null = as many as it likes.'),
        bodyBytes: count
          .nullable()
          .default(null)
          .describe('Of answers and calls in the store of bodies; null = as many as it likes.'),
      }),
    )
    .default({})
    .describe('What namespaces may use, by their names; `*` = those that are not named here.'),
  renewSeconds: seconds
    .default(5)
    .describe(
      'How often the files of certificates, tokens and revocations are looked at: what changed holds within so long, without a restart.',
    ),
  heartbeatSeconds: seconds.default(5).describe('How often agents say that they are there.'),
  leaseSeconds: seconds
    .default(30)
    .describe('A trial whose agent is silent for so long is given to another; at least two heartbeats.'),
  lostSeconds: seconds
    .default(60)
    .describe('A node that is silent for this long loses what it was allocated.'),
  forgetSeconds: seconds
    .default(86_400)
    .describe(
      'A lost node that is silent for this long is forgotten: it leaves lists and metrics. What it measured stays.',
    ),
  waitForNodesSeconds: seconds
    .nullable()
    .default(3600)
    .describe(
      'A sweep that had a node, and waits for one that can measure the rest of it, ends with that reason after so long; null = it waits.',
    ),
  fixedFleet: z
    .boolean()
    .default(false)
    .describe('No other node will ever come: what every node refuses is given up instead of waiting.'),
  drainSeconds: z
    .number()
    .nonnegative()
    .default(30)
    .describe('How long a stopping coordinator waits for results of running trials.'),
  exporter: z
    .strictObject({
      results: count.max(10_000).default(500).describe('Newest results that are exported.'),
      keepSeconds: seconds.default(86_400).describe('A result leaves the metrics after so long.'),
      keepNodeSeconds: seconds
        .default(3600)
        .describe(
          'A node that is not connected is exported as missing for this long; one that left on purpose is not.',
        ),
      push: z.array(pushSchema).default([]).describe('Where metrics are pushed to, besides being served.'),
    })
    .prefault({})
    .describe('What `/metrics` holds.'),
  limits: z
    .strictObject({
      connections: count.default(CONNECTION_LIMITS.connections).describe('Of all callers together.'),
      connectionsByAddress: count
        .default(CONNECTION_LIMITS.connectionsByAddress)
        .describe('From one address.'),
      unauthenticatedByAddress: count
        .default(CONNECTION_LIMITS.unauthenticatedByAddress)
        .describe('From one address, by callers who have not yet said who they are.'),
      unauthenticatedSeconds: seconds
        .default(CONNECTION_LIMITS.unauthenticatedSeconds)
        .describe('A connection on which nobody has proved who they are is closed after so long.'),
      callsPerSecond: seconds
        .default(50)
        .describe(
          "Of one certificate, token or user, over gRPC and HTTP together; an agent's session is one call.",
        ),
      callsAtOnce: count.default(200).describe('At once, by who was quiet before.'),
    })
    .prefault({})
    .describe('Of gRPC connections, and how often each caller may call.'),
  audit: z
    .strictObject({
      file: z.string().min(1).describe('The file; older ones are `FILE.1`, `FILE.2` and so on.'),
      maxBytes: count
        .default(64 * 1024 ** 2)
        .describe(
          'A file that would be larger makes way for a new one; SIGHUP opens it again, for who moves it away himself.',
        ),
      keep: count.max(1000).default(5).describe('Older files that are kept beside it.'),
    })
    .nullable()
    .default(null)
    .describe('Who did what, as JSON lines (docs/security.md); null = it is not noted.'),
  webProxy: z
    .strictObject({
      addresses: z
        .array(z.string().min(1))
        .min(1)
        .describe(
          'Where it comes from: addresses, and networks as 10.1.0.0/16. Who else sends the header is not believed.',
        ),
      header: z
        .string()
        .regex(/^[a-z][a-z0-9-]*$/, 'small letters, digits and dashes')
        .default('x-forwarded-user')
        .describe('Header with the name of the user, in small letters.'),
      grants: z
        .array(
          z.strictObject({
            user: z.string().min(1).describe('Name of a user; a final `*` matches any rest.'),
            ...grant,
          }),
        )
        .min(1)
        .describe('Which users may do what; a final `*` matches any rest.'),
    })
    .nullable()
    .default(null)
    .describe(
      'A reverse proxy before the web view that has asked who somebody is, and says so in a header; null = nobody is believed.',
    ),
  ...LOG_SETTINGS,
});

/** What may be configured. */
export type CoordinatorConfig = z.input<typeof coordinatorConfigSchema>;
/** With every default filled in. */
export type ResolvedConfig = z.output<typeof coordinatorConfigSchema>;

/** @throws FailureError with one sentence that names the first wrong field. */
export function resolveConfig(
  config: CoordinatorConfig,
  where = 'coordinator configuration',
): ResolvedConfig {
  const checked = coordinatorConfigSchema.safeParse(config);
  if (!checked.success) throw wrong(where, checked.error);
  const resolved = checked.data;
  if (resolved.leaseSeconds < 2 * resolved.heartbeatSeconds) {
    throw failed(
      'internal',
      `${where}: leaseSeconds is less than two heartbeats, so one lost heartbeat would end a trial.`,
      'Raise leaseSeconds or lower heartbeatSeconds.',
    );
  }
  return resolved;
}

/**
 * Reads a configuration: what is given beats RIDGE_* variables, which beat the file, which beats the
 * defaults.
 * @param file YAML; null = none.
 */
export function readConfig(
  given: CoordinatorConfig,
  env: Readonly<Record<string, string | undefined>>,
  file: string | null,
): ResolvedConfig {
  let fromFile: unknown = {};
  if (file !== null) {
    try {
      fromFile = parseYaml(readFileSync(file, 'utf8')) ?? {};
    } catch (error) {
      throw failed('internal', `The configuration ${file} cannot be read: ${fileProblem(error)}`);
    }
    if (typeof fromFile !== 'object' || Array.isArray(fromFile)) {
      throw failed('internal', `The configuration ${file} is not a mapping of fields to values.`);
    }
  }
  // A coordinator of its own has a web view and keeps answers; one inside another program only when that asks
  // for it.
  const own = { webAddress: DEFAULT_COORDINATOR_WEB };
  const wanted = { ...own, ...(fromFile as object), ...fromEnvironment(env), ...given };
  const resolved = resolveConfig(wanted, file ?? undefined);
  const { log } = resolved;
  if (log.kind !== 'sqlite') return resolved;
  const folderBesideLog = (folder: string) => join(dirname(log.path), folder);
  return resolveConfig({
    bodies: { kind: 'folder', path: folderBesideLog('bodies') },
    artifacts: { path: folderBesideLog('artifacts') },
    ...wanted,
  });
}

/** RIDGE_* variables of the coordinator; what is not set is not in it. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): CoordinatorConfig {
  const config: CoordinatorConfig = {};
  if (env.RIDGE_GRPC_ADDRESS) config.grpcAddress = env.RIDGE_GRPC_ADDRESS;
  if (env.RIDGE_METRICS_ADDRESS) {
    config.metricsAddress = env.RIDGE_METRICS_ADDRESS === 'off' ? null : env.RIDGE_METRICS_ADDRESS;
  }
  if (env.RIDGE_WEB_ADDRESS) {
    config.webAddress = env.RIDGE_WEB_ADDRESS === 'off' ? null : env.RIDGE_WEB_ADDRESS;
  }
  if (env.RIDGE_ADVERTISE) config.advertise = env.RIDGE_ADVERTISE;
  if (env.RIDGE_LOG) config.log = logFrom(env.RIDGE_LOG);
  if (env.RIDGE_LOG_LEVEL)
    config.logLevel = env.RIDGE_LOG_LEVEL as NonNullable<CoordinatorConfig['logLevel']>;
  if (env.RIDGE_LOG_FORMAT) config.logFormat = env.RIDGE_LOG_FORMAT as LogFormat;
  if (env.RIDGE_LEASE_SECONDS) config.leaseSeconds = Number(env.RIDGE_LEASE_SECONDS);
  if (env.RIDGE_HEARTBEAT_SECONDS) config.heartbeatSeconds = Number(env.RIDGE_HEARTBEAT_SECONDS);
  const { RIDGE_TLS_CERT: certificateFile, RIDGE_TLS_KEY: keyFile } = env;
  if (certificateFile && keyFile) {
    if (env.RIDGE_TOKENS_FILE) {
      config.security = { kind: 'token', certificateFile, keyFile, tokensFile: env.RIDGE_TOKENS_FILE };
    } else if (env.RIDGE_TLS_CA) {
      config.security = { kind: 'mutual-tls', caFile: env.RIDGE_TLS_CA, certificateFile, keyFile };
    }
  }
  return config;
}

/**
 * `memory`, `nats://HOST:4222,nats://…?stream=NAME`, `postgres://USER@HOST/DATABASE`, or the path of a SQLite
 * file; parameters of NATS are the settings of such a log.
 */
export function logFrom(text: string): NonNullable<CoordinatorConfig['log']> {
  if (text === 'memory') return { kind: 'memory' };
  if (/^postgres(ql)?:\/\//.test(text)) return { kind: 'postgres', url: text };
  if (!/^(nats|tls):\/\//.test(text)) return { kind: 'sqlite', path: text };
  const [servers = '', query = ''] = text.split('?');
  const { replicas, ...settings } = Object.fromEntries(new URLSearchParams(query));
  const copies = replicas === undefined ? {} : { replicas: Number(replicas) };
  return { ...settings, ...copies, kind: 'jetstream', servers: servers.split(',') };
}

function defaultLogPath(): string {
  const state = process.env.XDG_STATE_HOME || join(homedir(), '.local/state');
  return join(state, 'ridgepoint/coordinator.sqlite');
}

/** @returns the failure for a value that the schema refused. */
export function wrong(where: string, error: z.ZodError): FailureError {
  const issue = error.issues[0];
  const path = issue?.path.join('.') ?? '';
  return failed('internal', `${where}: ${path === '' ? '' : `${path}: `}${issue?.message ?? ''}.`);
}
