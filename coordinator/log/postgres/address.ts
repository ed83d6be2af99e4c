import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { ClientConfig } from 'pg';
import { type FailureError, failed } from '../../../core/errors.js';
import { fileProblem } from '../../../core/input/file-problem.js';
import { isLoopbackHost } from '../../../core/loopback.js';

/** Where a PostgreSQL database is, as a URL says it. */
export interface Address {
  /** Servers to try, in this order: the one that takes writes is the one. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly database: string;
  readonly user: string;
  /** The schema that holds the log. */
  readonly schema: string;
  /** As people read it: without credentials. */
  readonly text: string;
  /**
   * How to connect to one of the hosts; reads the password anew.
   * @throws FailureError for a file that cannot be read.
   */
  clientConfig(index: number): ClientConfig;
}

const PARAMETERS = [
  ...['schema', 'host', 'passwordFile', 'passwordVariable'],
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey'],
];
const SSL_MODES = ['disable', 'verify-full'];
/** A name that needs no quotes; a channel of NOTIFY is made of it, too, which has 63 bytes at most. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,40}$/;

/**
 * Reads `postgres://USER@HOST:PORT[,HOST:PORT…]/DATABASE?schema=…&passwordFile=…`. Elsewhere than on this
 * machine TLS is spoken, unless `sslmode=disable` says otherwise.
 * @throws FailureError with one sentence that names what is wrong, and no password.
 */
export function readAddress(text: string): Address {
  const parts = /^postgres(?:ql)?:\/\/(?:([^@/?]*)@)?([^/?]*)(\/[^?]*)?(?:\?(.*))?$/.exec(text);
  if (parts === null) throw wrong('is no URL');
  const [, user = '', authority = '', path = '', query = ''] = parts;
  if (user.includes(':')) throw wrong('holds a password', PASSWORD_HINT);
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (name === 'password') throw wrong('holds a password', PASSWORD_HINT);
    if (!PARAMETERS.includes(name)) throw wrong(`has a parameter ${JSON.stringify(name)}`, KNOWN_HINT);
  }
  const schema = parameters.get('schema') ?? 'ridgepoint';
  if (!SCHEMA.test(schema)) {
    throw wrong(`names the schema ${JSON.stringify(schema)}`, 'Use small letters, digits and underscores.');
  }
  const mode = parameters.get('sslmode');
  if (mode !== null && !SSL_MODES.includes(mode)) {
    throw wrong(`has the sslmode ${JSON.stringify(mode)}`, `Use ${SSL_MODES.join(' or ')}.`);
  }
  const hosts = (parameters.get('host') ?? authority).split(',').map(hostOf);
  const name = decoded(user) || userInfo().username;
  const database = decoded(path.slice(1)) || name;
  const shown = hosts.map(({ host, port }) => `${host}:${port}`).join(',');
  return {
    hosts,
    database,
    schema,
    user: name,
    text: `postgres://${shown}/${database}`,
    clientConfig: (index) => {
      const { host, port } = hosts[index]!;
      const local = host.startsWith('/') || isLoopbackHost(host);
      const encrypted = mode === null ? !local : mode !== 'disable';
      const password = passwordOf(parameters);
      return {
        host,
        port,
        database,
        user: name,
        ...(password !== null && { password }),
        ssl: encrypted ? tlsOf(parameters) : false,
      };
    },
  };
}

const PASSWORD_HINT =
  'Leave it out: name a file by `passwordFile=`, a variable by `passwordVariable=`, or set PGPASSWORD.';
const KNOWN_HINT = `Parameters are ${PARAMETERS.join(', ')}.`;

function wrong(what: string, hint = 'It looks like postgres://USER@HOST:5432/DATABASE.'): FailureError {
  return failed('internal', `The address of the PostgreSQL log ${what}.`, hint);
}

function hostOf(text: string): { host: string; port: number } {
  const [, host = '', digits = '5432'] =
    /^(\/.*|\[[0-9a-fA-F:.]+\]|[^:]*)(?::(\d+))?$/.exec(decoded(text)) ?? [];
  const port = Number(digits);
  if (port < 1 || port > 65_535 || (host === '' && text !== '')) {
    throw wrong(`has no host and port in ${JSON.stringify(text)}`);
  }
  return { host: host.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1', port };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(`cannot be read at ${JSON.stringify(text)}`);
  }
}

/** @returns null where the address names none: then PGPASSWORD or ~/.pgpass has it, if anything. */
function passwordOf(parameters: URLSearchParams): string | null {
  const variable = parameters.get('passwordVariable');
  if (variable !== null) {
    const value = process.env[variable];
    if (value === undefined) throw wrong(`names the variable ${variable}, which is not set`);
    return value;
  }
  const file = parameters.get('passwordFile');
  return file === null ? null : fileOf(file).trimEnd();
}

function tlsOf(parameters: URLSearchParams): NonNullable<ClientConfig['ssl']> {
  const environmentValue = (name: string): string | undefined => {
    const file = parameters.get(name);
    return file === null ? undefined : fileOf(file);
  };
  const [ca, cert, key] = [
    environmentValue('sslrootcert'),
    environmentValue('sslcert'),
    environmentValue('sslkey'),
  ];
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

function fileOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw wrong(`names the file ${path}, which cannot be read: ${fileProblem(error)}`);
  }
}
