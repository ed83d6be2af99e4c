import { writeFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { RawHttp } from '../../../support/raw-http.js';
import { spellings } from '../../../support/spellings.js';
import { fakeSweep } from '../../../support/sweeps.js';
import type { Check, Outcome } from '../check.js';
import { type Ground, submit, type Target } from '../ground.js';

/** Requests at a time: as many as a browser has tabs. */
const AT_ONCE = 6;
const FOREIGN_HOSTS = [
  'attacker.example',
  'attacker.example:80',
  '127.0.0.1.attacker.example',
  'localhost.attacker.example',
  'localhost@attacker.example',
  'attacker.example:localhost',
  '0.0.0.0',
  '[::ffff:8.8.8.8]',
];

export const webChecks: readonly Check[] = [
  {
    name: 'web-spellings-token',
    claim: 'no spelling of an API path answers without a token',
    run: async (ground) => {
      const { target, sweepId } = await withToken(ground);
      return await spelled(target, sweepId, { ca: ground.authority.ca });
    },
  },
  {
    name: 'web-spellings-certificate',
    claim: 'no spelling of an API path answers a certificate without the scope "read"',
    run: async (ground) => {
      const { target, sweepId } = await withCertificates(ground);
      const stranger = ground.authority.issue('stranger');
      const { ca } = ground.authority;
      return await spelled(target, sweepId, { ca, cert: stranger.certificate, key: stranger.key });
    },
  },
  {
    name: 'web-foreign-host',
    claim: 'the web view on loopback answers under no name but those of this machine (DNS rebinding)',
    run: async (ground) => {
      const target = await ground.coordinator();
      return await foreign(target.webUrl, ['/', '/api/v1/sweeps', '/api/v1/events']);
    },
  },
  {
    name: 'metrics-foreign-host',
    claim: '/metrics, /healthz and /readyz on loopback answer under no name but those of this machine',
    run: async (ground) => {
      const target = await ground.coordinator();
      return await foreign(target.metricsUrl, ['/metrics', '/healthz', '/readyz']);
    },
  },
];

async function spelled(target: Target, sweepId: string, tls: ConnectionOptions): Promise<Outcome> {
  const paths = ['sweeps', 'nodes', 'running', 'events', `sweeps/${sweepId}`, `sweeps/${sweepId}/results`];
  const targets = paths.flatMap((path) => spellings(`/api/v1/${path}`));
  const told: string[] = [];
  let answered = 0;
  const next = targets[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    const http = new RawHttp(target.webUrl, tls);
    for (const spelling of next) {
      const { status, head } = await http.ask(spelling);
      if (status > 0) answered += 1;
      // The page itself is code and open to all; everything else tells something.
      if (status >= 200 && status < 300 && !/^content-type: text\/html/im.test(head)) told.push(spelling);
    }
    http.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const [first] = told;
  return {
    // A server that answers nothing at all would prove nothing.
    holds: told.length === 0 && answered > targets.length / 2,
    figure:
      `${told.length} of ${targets.length} spellings of ${paths.length} paths answered with data` +
      (first === undefined ? `, ${answered} refused` : `, e.g. ${first}`),
  };
}

async function asked(url: string, target: string, host?: string): Promise<{ status: number }> {
  const http = new RawHttp(url);
  try {
    return await http.ask(target, host === undefined ? {} : { host });
  } finally {
    http.close();
  }
}

async function foreign(url: string, targets: readonly string[]): Promise<Outcome> {
  const open: string[] = [];
  for (const host of FOREIGN_HOSTS) {
    for (const target of targets) {
      const { status } = await asked(url, target, host);
      if (status === 200) open.push(`${target} for ${host}`);
    }
  }
  const own = await Promise.all(targets.map((target) => asked(url, target)));
  const works = own.every(({ status }) => status === 200);
  const all = FOREIGN_HOSTS.length * targets.length;
  return {
    holds: open.length === 0 && works,
    figure:
      `${open.length} of ${all} requests under foreign names answered` +
      (open[0] === undefined ? '' : `, e.g. ${open[0]}`) +
      (works ? '' : '; under its own name it does not answer either'),
  };
}

async function withToken(ground: Ground): Promise<{ target: Target; sweepId: string }> {
  const { authority } = ground;
  const server = authority.issue('coordinator');
  const tokensFile = ground.path('tokens.yaml');
  const token = 'ci-0123456789abcdef';
  writeFileSync(tokensFile, JSON.stringify([{ name: 'ci', token, scopes: ['submit', 'read'] }]));
  const { certificateFile, keyFile } = server;
  const target = await ground.coordinator({
    security: { kind: 'token', certificateFile, keyFile, tokensFile },
  });
  const control = ground.control(target, { kind: 'token', ca: authority.ca, token, serverName: null });
  return { target, sweepId: await submit(control, fakeSweep(2)) };
}

async function withCertificates(ground: Ground): Promise<{ target: Target; sweepId: string }> {
  const { authority } = ground;
  const { certificateFile, keyFile } = authority.issue('coordinator');
  const grants = [{ commonName: 'alice', scopes: ['submit' as const, 'read' as const] }];
  const target = await ground.coordinator({
    security: { kind: 'mutual-tls', caFile: authority.caFile, certificateFile, keyFile, grants },
  });
  const { certificate, key } = authority.issue('alice');
  const security = { kind: 'mutual-tls', ca: authority.ca, certificate, key, serverName: null } as const;
  return { target, sweepId: await submit(ground.control(target, security), fakeSweep(2)) };
}
