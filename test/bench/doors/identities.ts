import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MOST_PROFILE_BYTES } from '../../../coordinator/registry/registry.js';
import {
  describe,
  issue,
  makeAuthority,
  makeRevocations,
  type Pair,
} from '../../../proto/certificates/authority.js';
import { connectControl } from '../../../proto/client.js';
import { METHODS } from '../../../proto/limits.js';
import type { ClientSecurity } from '../../../proto/security.js';
import { FakeAgent } from '../../support/fake-agent.js';
import { RawHttp } from '../../support/raw-http.js';
import { fakeSweep, submission } from '../../support/sweeps.js';
import { aNode } from '../../support/wire-records.js';
import { within } from '../attack/ground.js';
import { Caller } from './caller.js';
import { type Attack, type Doors, linesWith, summed } from './doors.js';
import { hostileMessages, RPCS } from './messages.js';
import { ROUTES } from './requests.js';

/** Who shows what, and the statuses that each method and route has for that. */
const STRANGERS = [
  { name: null, grpc: 'UNAUTHENTICATED', http: 401 },
  { name: 'guess', grpc: 'UNAUTHENTICATED', http: 401 },
  { name: 'honest-2', grpc: 'PERMISSION_DENIED', http: 403 },
  { name: 'reader', grpc: 'PERMISSION_DENIED', http: 403 },
  { name: 'ann', grpc: 'PERMISSION_DENIED', http: 403 },
] as const;
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  'honest-2': ['agent', 'known'],
  reader: ['read', 'known'],
  ann: ['submit', 'read', 'known'],
};

export const scopes: Attack = {
  name: 'scopes',
  claim: 'every RPC and route without a token, with one that is unknown, and with one of another scope',
  async run(doors) {
    const caller = new Caller(doors.target.grpcAddress, doors.as('ann').ca);
    const web = new RawHttp(doors.target.webUrl, { ca: doors.authority.certificate });
    const [seen, faults]: [string[], string[]] = [[], []];
    const expectThat = (what: string, got: string | number, wanted: string | number): void => {
      seen.push(String(got));
      if (got !== wanted) faults.push(`${what}: ${got}, not ${wanted}`);
    };
    for (const { name, grpc, http } of STRANGERS) {
      const may = SCOPES[name ?? ''] ?? [];
      for (const method of RPCS) {
        if (may.includes(METHODS[method.path]!.access)) continue;
        const [hostile] = hostileMessages(method, doors.known, 1, 1);
        const { code } = await caller.ask(hostile!, name === null ? null : doors.as(name));
        expectThat(`${method.path} by ${name}`, code, grpc);
      }
      for (const [method, path] of ROUTES) {
        if (path === '/' || may.includes(method === 'POST' ? 'submit' : 'read')) continue;
        const headers = [
          ...(name === null ? [] : [`Authorization: Bearer ${doors.as(name).token}`]),
          ...(method === 'POST' ? ['Content-Type: application/json', 'Content-Length: 2'] : []),
        ];
        const { status } = await web.ask(path.replace(':id', doors.known.sweep_id!), {
          method,
          headers,
          ...(method === 'POST' && { body: '{}' }),
        });
        expectThat(`${method} ${path} by ${name}`, status, http);
      }
    }
    caller.close();
    web.close();
    for (const who of ['reader', 'honest-2'])
      if (doors.noted(`"who":"${who}"`) === 0) faults.push(`nothing about ${who} in the audit log`);
    return { said: `${seen.length} calls (${summed(seen)})`, faults };
  },
};

export const namespaces: Attack = {
  name: 'namespaces',
  claim: 'every RPC and route about a sweep, by somebody of another namespace',
  async run(doors) {
    const control = connectControl({ address: doors.target.grpcAddress, security: doors.as('lab') });
    const [sweepId, trialId] = [doors.known.sweep_id!, doors.known.trial_id!];
    const about = { sweepId, reason: '' };
    const faults: string[] = [];
    const first = async <T>(all: AsyncIterable<T>): Promise<void> => {
      for await (const _one of all) return;
    };
    const results = { follow: true, allTrials: true };
    const asked: Readonly<Record<string, () => Promise<unknown>>> = {
      cancel: () => control.cancelSweep(about),
      pause: () => control.pauseSweep(about),
      resume: () => control.resumeSweep(about),
      get: () => control.getSweep({ sweepId }),
      watch: () => first(control.watchSweep({ sweepId })),
      results: () => first(control.streamResults({ sweepId, ...results })),
      submit: () => control.submitSweep({ ...submission(fakeSweep(1)), namespace: 'default' }),
      drain: () => control.drainNode({ node: 'honest-1', reason: '' }),
      cordon: () => control.cordonNode({ node: 'honest-1', reason: '', uncordon: false }),
    };
    for (const [name, ask] of Object.entries(asked)) {
      const code = await within(10, 'an answer', ask()).then(
        () => 'taken',
        (error: { code?: string }) => String(error.code),
      );
      if (code !== 'not-found' && code !== 'forbidden') faults.push(`${name}: ${code}`);
    }
    if ((await control.listSweeps()).sweeps.length > 0) faults.push('it sees sweeps');
    control.close();
    const web = new RawHttp(doors.target.webUrl, { ca: doors.authority.certificate });
    const routes = ROUTES.filter(([, path]) => path.includes(':id'));
    for (const [method, path] of routes) {
      const body = method === 'POST' ? { body: '{}' } : {};
      const headers = [
        `Authorization: Bearer ${doors.as('lab').token}`,
        ...(method === 'POST' ? ['Content-Type: application/json', 'Content-Length: 2'] : []),
      ];
      const id = path.includes('trials') ? encodeURIComponent(trialId) : sweepId;
      const { status } = await web.ask(path.replace(':id', id), { method, headers, ...body });
      if (status !== 404) faults.push(`${method} ${path}: ${status}`);
    }
    web.close();
    return { said: `${Object.keys(asked).length} calls and ${routes.length} routes`, faults };
  },
};

const client = (commonName: string) => ({ commonName, hosts: [], scopes: null, namespaces: null });
const ATTEMPTS = 30;

/**
 * Of a coordinator with certificates beside the one under attack: both have to be there for everybody else.
 */
export const certificates: Attack = {
  name: 'certificates',
  claim: `none, one of another authority, one that has expired and one that was revoked, ${ATTEMPTS} times each over gRPC and HTTPS`,
  async run(doors) {
    const { target, authority, audit } = await withCertificates(doors);
    const other = await makeAuthority('elsewhere', 1);
    const expired = await issue(authority, client('gone'), -1 / 1440);
    const shown: Readonly<Record<string, Pair | null>> = {
      none: null,
      'of another authority': await issue(other, client('good'), 1),
      expired,
      revoked: audit.revoked,
    };
    const [said, faults]: [string[], string[]] = [[], []];
    for (const [what, pair] of Object.entries(shown)) {
      for (let time = 0; time < ATTEMPTS; time += 1) {
        const grpc = await listed(target.grpcAddress, authority, pair);
        if (grpc === null) faults.push(`gRPC with ${what}: taken`);
        const web = new RawHttp(target.webUrl, {
          ca: authority.certificate,
          servername: 'localhost',
          ...(pair && { cert: pair.certificate, key: pair.key }),
        });
        const { status } = await within(10, 'an answer', web.ask('/api/v1/sweeps'));
        web.close();
        if (![0, 401].includes(status)) faults.push(`HTTPS with ${what}: ${status}`);
        said.push(what);
      }
      if ((await listed(target.grpcAddress, authority, audit.good)) !== null)
        faults.push(`after ${what}: a good one is refused`);
    }
    for (const code of ['"code":"tls"', 'was revoked'])
      if (audit.noted(code) === 0) faults.push(`no ${code} in the audit log`);
    return { said: summed(said), faults };
  },
};

async function withCertificates(doors: Doors) {
  const { ground } = doors;
  const authority = await makeAuthority('certificates', 1);
  const write = (name: string, text: string): string => {
    const file = ground.path(name);
    writeFileSync(file, text);
    return file;
  };
  const server = await issue(authority, { ...client('coordinator'), hosts: ['localhost', '127.0.0.1'] }, 1);
  const [good, revoked] = [
    await issue(authority, client('good'), 1),
    await issue(authority, client('lost'), 1),
  ];
  const { serial } = await describe(revoked.certificate);
  const file = ground.path('audit.jsonl');
  const target = await ground.coordinator({
    security: {
      kind: 'mutual-tls',
      caFile: write('ca.crt', authority.certificate),
      certificateFile: write('server.crt', server.certificate),
      keyFile: write('server.key', server.key),
      revocationsFile: write(
        'revoked.pem',
        await makeRevocations(authority, [{ serial, at: new Date() }], 1),
      ),
    },
    audit: { file },
  });
  return { target, authority, audit: { good, revoked, noted: (text: string) => linesWith(file, text) } };
}

/** @returns why the call was refused; null = it was not. */
async function listed(address: string, authority: Pair, pair: Pair | null): Promise<string | null> {
  const ca = Buffer.from(authority.certificate);
  const security: ClientSecurity =
    pair === null
      ? { kind: 'token', ca, token: 'none', serverName: null }
      : {
          kind: 'mutual-tls',
          ca,
          certificate: Buffer.from(pair.certificate),
          key: Buffer.from(pair.key),
          serverName: null,
        };
  const control = connectControl({ address, security });
  try {
    await control.listSweeps({ deadlineSeconds: 5 });
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    control.close();
  }
}

/** As long as a node may describe itself. */
const LARGE = Object.fromEntries(
  Array.from({ length: 900 }, (_, index) => [`meter${index}`, 'x'.repeat(900)]),
);
const NAMES = 300;

export const names: Attack = {
  name: 'names',
  claim: `${NAMES} nodes of other names by one credential, each with a description of 800 kB, until they are forgotten`,
  // Half of what nodes may say of themselves is kept for as long as ever.
  keptBytes: MOST_PROFILE_BYTES / 2 + 20e6,
  async run(doors) {
    const codes: string[] = [];
    for (let index = 0; index < NAMES; index += 1) {
      const profile = aNode(`fuzz-${1000 + index}`, { absent: LARGE });
      const joined = FakeAgent.join(doors.target.grpcAddress, { profile, security: doors.as('fuzz-1') });
      await within(20, 'an answer', joined).then(
        ({ agent }) => {
          codes.push('joined');
          agent.vanish();
        },
        (error: { code?: string }) => codes.push(String(error.code)),
      );
    }
    // They are lost after a minute.
    await sleep(70_000);
    return { said: summed(codes), faults: codes.includes('unavailable') ? [] : ['none was refused'] };
  },
};
