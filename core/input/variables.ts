/** A variable of the environment that a process of Ridgepoint reads. */
export interface Variable {
  /** Who reads it. */
  readonly of: readonly ('coordinator' | 'agent' | 'commands')[];
  /** What it says; where it stands for a setting, the name of that setting. */
  readonly meaning: string;
}

/**
 * Every RIDGE_* variable (docs/settings.md is made from it). It beats what a file says, and is beaten by an
 * option of the command line.
 */
export const VARIABLES: Readonly<Record<string, Variable>> = {
  RIDGE_ADVERTISE: { of: ['coordinator'], meaning: '`advertise`' },
  RIDGE_CACHE_FOLDER: { of: ['agent'], meaning: '`cacheFolder`' },
  RIDGE_COORDINATOR: {
    of: ['agent', 'commands'],
    meaning: '`coordinator`; of a command: its `--coordinator`',
  },
  RIDGE_CREDENTIALS: { of: ['agent'], meaning: '`credentialsFolder`' },
  RIDGE_DEBUG: {
    of: ['commands'],
    meaning:
      'Any text: `ridge run` logs what its coordinator and agent do, and an internal error comes with its stack.',
  },
  RIDGE_GRPC_ADDRESS: { of: ['coordinator'], meaning: '`grpcAddress`' },
  RIDGE_HEARTBEAT_SECONDS: { of: ['coordinator'], meaning: '`heartbeatSeconds`' },
  RIDGE_LEASE_SECONDS: { of: ['coordinator'], meaning: '`leaseSeconds`' },
  RIDGE_LLAMA_CPP: {
    of: ['agent', 'commands'],
    meaning: 'Folder with a build of llama.cpp that is used in place of the packaged one.',
  },
  RIDGE_LOG: {
    of: ['coordinator'],
    meaning:
      '`log`: `memory`, the path of a SQLite file, `postgres://USER@HOST/DATABASE` or `nats://HOST?stream=NAME`',
  },
  RIDGE_LOG_FORMAT: { of: ['coordinator', 'agent'], meaning: '`logFormat`' },
  RIDGE_LOG_LEVEL: { of: ['coordinator', 'agent'], meaning: '`logLevel`' },
  RIDGE_METRICS_ADDRESS: { of: ['coordinator'], meaning: '`metricsAddress`; `off` = nowhere' },
  RIDGE_MODEL_FOLDERS: { of: ['agent'], meaning: '`modelFolders`, with colons between' },
  RIDGE_NAMESPACE: {
    of: ['commands'],
    meaning: 'Namespace of a sweep that is submitted, as `--namespace` says it.',
  },
  RIDGE_NODE_NAME: { of: ['agent'], meaning: '`nodeName`' },
  RIDGE_ROOFS: { of: ['agent', 'commands'], meaning: '`roofs`' },
  RIDGE_STATE_FOLDER: {
    of: ['agent', 'commands'],
    meaning: '`stateFolder`; commands look for measured roofs there',
  },
  RIDGE_TLS_CA: {
    of: ['coordinator', 'commands'],
    meaning: '`security.caFile`, with `RIDGE_TLS_CERT` and `RIDGE_TLS_KEY`; of a command: its `--tls-ca`',
  },
  RIDGE_TLS_CERT: {
    of: ['coordinator', 'commands'],
    meaning: '`security.certificateFile`; of a command: its `--tls-cert`',
  },
  RIDGE_TLS_KEY: {
    of: ['coordinator', 'commands'],
    meaning: '`security.keyFile`; of a command: its `--tls-key`',
  },
  RIDGE_TOKEN: {
    of: ['agent'],
    meaning: 'The token itself; it is taken out of the environment before any child starts.',
  },
  RIDGE_TOKENS_FILE: {
    of: ['coordinator'],
    meaning: '`security.tokensFile`, with `RIDGE_TLS_CERT` and `RIDGE_TLS_KEY`: callers then bring tokens',
  },
  RIDGE_TOKEN_FILE: { of: ['agent', 'commands'], meaning: '`tokenFile`; of a command: its `--token-file`' },
  RIDGE_WEB_ADDRESS: { of: ['coordinator'], meaning: '`webAddress`; `off` = nowhere' },
};
