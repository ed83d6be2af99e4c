import { hostname } from 'node:os';
import { issue, makeAuthority, type Subject } from '../../proto/certificates/authority.js';
import { usageError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import type { CertsListOptions, CertsOptions, HostOptions, UserOptions } from './command.js';
import { CertificateStore, type Issued } from './store.js';

const DAY = 86_400_000;
/** Of the coordinator's own: the authority is there for longer. */
const COORDINATOR_DAYS = 365;
const COORDINATOR = 'coordinator';
/** Other files of the folder. */
const RESERVED = ['ca', COORDINATOR];

/** `ridge certs init` */
export async function init(options: HostOptions): Promise<void> {
  const store = new CertificateStore(options.folder);
  await store.begin(await makeAuthority('ridgepoint', options.days));
  say(`${store.path('ca.crt')}: everybody needs it; ${store.path('ca.key')}: nobody but you`);
  await renewCoordinator({ ...options, days: Math.min(options.days, COORDINATOR_DAYS) });
  const file = (name: string) => store.path(name);
  printData(
    [
      'security:',
      '  kind: mutual-tls',
      `  caFile: ${file('ca.crt')}`,
      `  certificateFile: ${file('coordinator.crt')}`,
      `  keyFile: ${file('coordinator.key')}`,
      `  revocationsFile: ${file('revoked.pem')}`,
    ].join('\n'),
  );
}

/** `ridge certs coordinator` */
export async function renewCoordinator({ folder, days, host }: HostOptions): Promise<void> {
  const hosts = [...new Set([...(host.length > 0 ? host : [hostname()]), 'localhost', '127.0.0.1'])];
  await make(folder, { commonName: COORDINATOR, hosts, scopes: null, namespaces: null }, days);
}

/** `ridge certs node` */
export async function makeNode(name: string, { folder, days }: CertsOptions): Promise<void> {
  await make(folder, { commonName: named(name), hosts: [], scopes: ['agent'], namespaces: null }, days);
}

/** `ridge certs user` */
export async function makeUser(
  name: string,
  { folder, days, scopes, namespaces }: UserOptions,
): Promise<void> {
  await make(folder, { commonName: named(name), hosts: [], scopes, namespaces: namespaces ?? null }, days);
}

async function make(folder: string, subject: Subject, days: number): Promise<void> {
  const store = new CertificateStore(folder);
  const { commonName, hosts, scopes, namespaces } = subject;
  const own = store.issued().filter(({ name }) => name === commonName);
  const before = own.filter((entry) => !['revoked', 'expired'].includes(stateOf(entry)));
  const pair = await issue(store.authority(), subject, days);
  const { notAfter } = await store.add(commonName, pair, {
    hosts: [...hosts],
    scopes: scopes === null ? null : [...scopes],
    namespaces: namespaces === null ? null : [...namespaces],
  });
  say(
    `${store.path(`${commonName}.crt`)} and ${store.path(`${commonName}.key`)}, until ${notAfter.slice(0, 10)}`,
  );
  for (const { serial, notAfter: until } of before)
    say(`the one before is valid until ${until.slice(0, 10)}: \`ridge certs revoke ${serial}\` ends it`);
}

/** `ridge certs list` */
export async function list({ folder, json }: CertsListOptions): Promise<void> {
  const issued = new CertificateStore(folder).issued();
  if (json === true) return printJson(issued);
  printTable(
    ['name', 'scopes', 'namespaces', 'until', 'state', 'serial'],
    issued.map((entry) => [
      entry.name,
      entry.scopes?.join(',') ?? (entry.hosts.length > 0 ? 'server' : null),
      entry.namespaces?.join(',') ?? null,
      entry.notAfter.slice(0, 10),
      stateOf(entry),
      entry.serial,
    ]),
  );
}

/** `ridge certs revoke` */
export async function revoke(word: string, { folder }: Pick<CertsOptions, 'folder'>): Promise<void> {
  const store = new CertificateStore(folder);
  const issued = store.issued();
  const meant = ({ name, serial }: Issued) => name === word || serial === word.toLowerCase();
  const those = issued.filter((entry) => meant(entry) && entry.revokedAt === null);
  if (!issued.some(meant)) {
    const names = [...new Set(issued.map(({ name }) => name))].join(', ');
    throw usageError(`there is no certificate ${word} in ${folder}`, `There are: ${names || 'none'}.`);
  }
  const revokedAt = new Date().toISOString();
  await store.write(issued.map((entry) => (those.includes(entry) ? { ...entry, revokedAt } : entry)));
  say(
    those.length === 0
      ? `${word} was revoked before; ${store.path('revoked.pem')} is written again`
      : `${those.map(({ name, serial }) => `${name} (${serial})`).join(', ')}: on ${store.path('revoked.pem')}, which the coordinator reads as revocationsFile`,
  );
}

/** `valid`, `expired`, `revoked`, or how many days are left of the last thirty. */
function stateOf({ notAfter, revokedAt }: Issued): string {
  if (revokedAt !== null) return 'revoked';
  const days = (Date.parse(notAfter) - Date.now()) / DAY;
  if (days <= 0) return 'expired';
  return days < 30 ? `${Math.ceil(days)} days left` : 'valid';
}

/** @throws CommandError (2) for what cannot be the name of a file and of a node. */
function named(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && !RESERVED.includes(name)) return name;
  throw usageError(
    `a certificate cannot be called ${name}`,
    'Use letters, digits, dots and dashes, 63 at most, and no name of the authority’s own files.',
  );
}
