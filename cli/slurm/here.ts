import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { orElse } from '../../core/or-else.js';
import { issue, makeAuthority, type Pair } from '../../proto/certificates/authority.js';
import { joinAddress, splitAddress } from '../../proto/loopback.js';
import type { ConnectionOptions } from '../options/connection.js';

/** An allocation's coordinator outlives no year of it. */
const DAYS = 365;
/** Whose certificate the tasks, and people beside them, show. */
const JOB = 'slurm-job';

/** Where the parts of a job with a coordinator of its own lie. */
export function placesIn(folder: string) {
  const certs = join(folder, 'certs');
  return {
    certs,
    /** Where the coordinator can be reached now; not there while there is none. */
    address: join(folder, 'coordinator'),
    /** There once everything was done. */
    done: join(folder, 'done'),
    log: join(folder, 'coordinator.sqlite'),
    security: {
      tlsCa: join(certs, 'ca.crt'),
      tlsCert: join(certs, 'job.crt'),
      tlsKey: join(certs, 'job.key'),
    },
  } as const;
}

/**
 * Makes an authority of the job's own and the certificate that its tasks share, unless the folder has them:
 * whoever reads the folder may do everything.
 */
export async function makeJobCertificates(folder: string): Promise<void> {
  const { certs, security, done } = placesIn(folder);
  await rm(done, { force: true });
  if (existsSync(security.tlsCert)) return;
  await mkdir(certs, { recursive: true, mode: 0o700 });
  await chmod(certs, 0o700);
  const authority = await makeAuthority('ridgepoint slurm', DAYS);
  await put(join(certs, 'ca'), authority);
  const subject = { commonName: JOB, hosts: [], scopes: null, namespaces: null };
  await put(join(certs, 'job'), await issue(authority, subject, DAYS));
}

async function put(path: string, { certificate, key }: Pair): Promise<void> {
  await writeFile(`${path}.key`, key, { mode: 0o600 });
  await writeFile(`${path}.crt`, certificate, { mode: 0o600 });
}

/**
 * Starts the coordinator of the job in this process, on the log in the shared folder.
 * @throws FailureError or WireError, as `startCoordinator`.
 */
export async function startHere(folder: string): Promise<RunningCoordinator> {
  const { certs, security, log } = placesIn(folder);
  const readCert = (name: string) => readFileSync(join(certs, name), 'utf8');
  const hosts = await ownNames();
  const subject = { commonName: 'coordinator', hosts, scopes: null, namespaces: null };
  const authority = { certificate: readCert('ca.crt'), key: readCert('ca.key') };
  await put(join(certs, 'coordinator'), await issue(authority, subject, DAYS));
  return await startCoordinator({
    grpcAddress: '0.0.0.0:0',
    metricsAddress: null,
    webAddress: null,
    logFormat: 'text',
    log: { kind: 'sqlite', path: log },
    security: {
      kind: 'mutual-tls',
      caFile: security.tlsCa,
      certificateFile: join(certs, 'coordinator.crt'),
      keyFile: join(certs, 'coordinator.key'),
      grants: [{ commonName: JOB, scopes: ['agent', 'submit', 'read'], nodes: ['*'] }],
    },
  });
}

/** Tells the other tasks, and people, where it is. */
export async function announce(folder: string, { grpcAddress }: RunningCoordinator): Promise<string> {
  const { address } = placesIn(folder);
  const port = splitAddress(grpcAddress)?.port ?? 0;
  const [host = 'localhost'] = await ownNames();
  const text = joinAddress(host, port);
  await writeFile(`${address}.draft`, `${text}\n`);
  await rename(`${address}.draft`, address);
  return text;
}

/**
 * @returns the connection of a task or of people to the coordinator that was announced last; null while there
 *   is none.
 */
export function announced(folder: string): ConnectionOptions | null {
  const { address, security } = placesIn(folder);
  return orElse(() => ({ coordinator: readFileSync(address, 'utf8').trim(), ...security }), null);
}

/** Names and addresses that this machine has, the one that others know it by first. */
async function ownNames(): Promise<string[]> {
  const name = hostname();
  const known = await lookup(name).then(
    () => [name],
    () => [],
  );
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  return [...new Set([...known, ...addresses, 'localhost', '127.0.0.1'])];
}
