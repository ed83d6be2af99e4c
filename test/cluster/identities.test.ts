import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { issue, makeAuthority, type Pair } from '../../proto/certificates/authority.js';
import { connectControl } from '../../proto/client.js';
import type { ClientSecurity } from '../../proto/security.js';
import { start } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { temporaryFolder } from '../support/folder.js';
import { untilSaid } from '../support/heard.js';
import { RawHttp } from '../support/raw-http.js';
import { jsonLines } from '../support/reading.js';
import { ridgeHere } from '../support/ridge-here.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode } from '../support/wire-records.js';

/** Warnings go to stderr, as people read them. */
const TALKING = { logLevel: 'warn', logFormat: 'text' } as const;
const soon = { timeout: 60_000, interval: 50 };
let ca: Pair;
let server: Pair;
beforeAll(async () => {
  ca = await makeAuthority('test', 1);
  const hosts = ['localhost', '127.0.0.1'];
  server = await issue(ca, { commonName: 'coordinator', hosts, scopes: null, namespaces: null }, 1);
});

/** A coordinator for tokens that `ridge token` made, with its audit log. */
async function coordinator(more: CoordinatorConfig = {}) {
  const folder = temporaryFolder();
  const path = (name: string) => join(folder, name);
  for (const [name, text] of [
    ['server.crt', server.certificate],
    ['server.key', server.key],
  ] as const)
    writeFileSync(path(name), text);
  const file = path('tokens.yaml');
  const token = async (...words: string[]) => {
    const said = await ridgeHere(['token', ...words, '--file', file]);
    expect(said.code, said.stderr).toBe(0);
    return said.stdout.trim();
  };
  await token('create', 'first', '--scopes', 'read');
  const served = await start({
    security: {
      kind: 'token',
      certificateFile: path('server.crt'),
      keyFile: path('server.key'),
      tokensFile: file,
    },
    webAddress: 'localhost:0',
    webWrites: true,
    renewSeconds: 0.1,
    audit: { file: path('audit.jsonl') },
    ...more,
  });
  const auditText = () => readFileSync(path('audit.jsonl'), 'utf8');
  return { ...served, file, token, auditText, audit: () => jsonLines(auditText()) };
}

const bearer = (token: string): ClientSecurity => ({
  kind: 'token',
  ca: Buffer.from(ca.certificate),
  token,
  serverName: null,
});

/** @returns what the call gives, or the sentence of its refusal. */
async function call<T>(
  address: string,
  security: ClientSecurity,
  ask: (control: ReturnType<typeof connectControl>) => Promise<T>,
): Promise<T | string> {
  const control = connectControl({ address, security });
  try {
    return await ask(control);
  } catch (error) {
    return (error as Error).message;
  } finally {
    control.close();
  }
}

const list = (address: string, security: ClientSecurity) =>
  call(address, security, async (control) => {
    await control.listSweeps({ deadlineSeconds: 15 });
    return 'ok';
  });

describe('tokens', () => {
  test('are kept as hashes; made, expired and revoked ones hold without a restart', async () => {
    const { grpcAddress, token, file } = await coordinator(TALKING);
    const ci = await token('create', 'ci', '--scopes', 'submit,read');
    const node = await token('create', 'gpu-1', '--scopes', 'agent', '--days', '1');
    expect(ci).toMatch(/^ridge_[\w-]{43}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain(ci);
    await expect.poll(() => list(grpcAddress, bearer(ci)), soon).toBe('ok');
    const { agent } = await FakeAgent.join(grpcAddress, { security: bearer(node), profile: aNode('gpu-1') });
    await token('revoke', 'ci');
    await token('revoke', 'gpu-1');
    await expect.poll(() => list(grpcAddress, bearer(ci)), soon).toBe('The token "ci" was revoked.');
    await expect.poll(() => agent.ended, soon).not.toBeNull();
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(/revokedAt: .*/, 'expiresAt: 2026-01-01T00:00:00Z'),
    );
    await expect.poll(() => list(grpcAddress, bearer(ci)), soon).toBe('The token "ci" has expired.');
    expect(await token('list')).toMatch(/ci +submit,read +- +- +2026-01-01 +expired/);
    // A list that cannot be read changes nothing.
    await untilSaid('what was read before holds on', () => writeFileSync(file, 'no list'));
    expect(await list(grpcAddress, bearer(ci))).toBe('The token "ci" has expired.');
  });

  test('the list is refused where the coordinator would refuse it, and nobody has two', async () => {
    const { file, token } = await coordinator();
    const said = async (...words: string[]) => (await ridgeHere(['token', ...words, '--file', file])).stderr;
    expect(await said('create', 'first', '--scopes', 'read')).toMatch(/first has a token .* already/);
    expect(await said('create', 'x', '--scopes', 'all')).toMatch(
      /"all" is none of agent, submit, read, admin/,
    );
    expect(await said('revoke', 'nobody')).toMatch(/no token of nobody .*\n.*first/);
    // Comments of people and tokens of before stay.
    writeFileSync(file, '# ours\n- { name: old, token: old-0123456789abcdef, scopes: [read] }\n');
    await token('create', 'new', '--scopes', 'read');
    expect(readFileSync(file, 'utf8')).toMatch(/^# ours\n- \{ name: old/);
    expect(await token('list')).toMatch(/old .* valid, in plain text\n/);
    writeFileSync(file, 'a: b');
    expect(await said('list')).toMatch(/is no list of tokens/);
  });
});

describe('the audit log', () => {
  test('says who did what and who was refused, over gRPC and HTTP, and holds no secret', async () => {
    const { grpcAddress, webUrl, token, audit, auditText } = await coordinator();
    const ann = await token('create', 'ann', '--scopes', 'submit,read');
    const eve = await token('create', 'eve', '--scopes', 'read');
    await expect.poll(() => list(grpcAddress, bearer(eve)), soon).toBe('ok');
    const submitted = await call(grpcAddress, bearer(ann), (control) =>
      control.submitSweep(submission(fakeSweep(2))),
    );
    const { sweepId } = submitted as { sweepId: string };
    await call(grpcAddress, bearer(ann), (control) => control.pauseSweep({ sweepId, reason: 'lunch' }));
    await call(grpcAddress, bearer(ann), (control) => control.resumeSweep({ sweepId, reason: '' }));
    const cancelled = await call(grpcAddress, bearer(eve), (control) =>
      control.cancelSweep({ sweepId, reason: '' }),
    );
    expect(cancelled).toBe('The token "eve" does not have the scope "submit".');
    await list(grpcAddress, bearer('ridge_guess'));
    const web = new RawHttp(webUrl!, { ca: ca.certificate });
    const body = '{"reason":"over"}';
    const headers = ['content-type: application/json', `content-length: ${body.length}`];
    const post = (secret: string) =>
      web.send(
        [
          `POST /api/v1/sweeps/${sweepId}/cancel HTTP/1.1`,
          'Host: localhost',
          `authorization: Bearer ${secret}`,
          ...headers,
          '',
          body,
        ].join('\r\n'),
      );
    expect((await post(ann)).status).toBe(200);
    expect((await post('ridge_guess')).status).toBe(401);
    const noted = audit().map(({ who, action, sweepId: about, code }) => [who, action, about ?? code]);
    // Before the new tokens were read, who showed one was refused.
    const begun = noted.findIndex(([who]) => who !== null);
    expect(noted.slice(begun)).toEqual([
      ['ann', 'submit', sweepId],
      ['ann', 'pause', sweepId],
      ['ann', 'resume', sweepId],
      ['eve', 'refused', 'forbidden'],
      [null, 'refused', 'unauthenticated'],
      ['ann', 'cancel', sweepId],
      [null, 'refused', 'unauthenticated'],
    ]);
    expect(audit()[begun + 3]).toMatchObject({
      from: '127.0.0.1',
      where: '/ridgepoint.v1.ControlService/CancelSweep',
      message: 'The token "eve" does not have the scope "submit".',
    });
    for (const secret of [ann, eve, 'ridge_guess', 'builtin:tiny']) expect(auditText()).not.toContain(secret);
  });

  test('notes what somebody who was let in may not do, over gRPC and HTTP', async () => {
    const { grpcAddress, webUrl, token, audit } = await coordinator({ webWrites: true });
    const ann = await token('create', 'ann', '--scopes', 'submit,read', '--namespaces', 'lab-a');
    await expect.poll(() => list(grpcAddress, bearer(ann)), soon).toBe('ok');
    const sentence = '"ann" may not use the namespace "lab-b", but "lab-a".';
    const submitted = await call(grpcAddress, bearer(ann), (control) =>
      control.submitSweep({ ...submission(fakeSweep(2)), namespace: 'lab-b' }),
    );
    expect(submitted).toBe(sentence);
    await call(grpcAddress, bearer(ann), (control) =>
      control.cordonNode({ node: 'gpu-1', reason: '', uncordon: false }),
    );
    const body = '{}';
    const posted = await new RawHttp(webUrl!, { ca: ca.certificate }).send(
      [
        'POST /api/v1/sweeps HTTP/1.1',
        'Host: localhost',
        `authorization: Bearer ${ann}`,
        'origin: https://elsewhere.example',
        'content-type: application/json',
        `content-length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n'),
    );
    expect(posted.status).toBe(403);
    const noted = audit().flatMap(({ who, code, where, message }) =>
      who === 'ann' && code === 'forbidden' ? [[where, message]] : [],
    );
    expect(noted).toEqual([
      ['/ridgepoint.v1.ControlService/SubmitSweep', sentence],
      ['/ridgepoint.v1.ControlService/CordonNode', expect.stringContaining('nodes serve all')],
      ['POST /api/v1/sweeps', expect.stringContaining('no other site')],
    ]);
  });

  test('notes forged results, handshakes that fail, and nodes that join', async () => {
    const { grpcAddress, token, audit } = await coordinator();
    const node = await token('create', 'gpu-1', '--scopes', 'agent');
    const ann = await token('create', 'ann', '--scopes', 'read');
    // Who is in the list later is known when that one is; until then whoever asks is refused, and noted.
    await expect.poll(() => list(grpcAddress, bearer(ann)), soon).toBe('ok');
    const before = audit().length;
    const { agent } = await FakeAgent.join(grpcAddress, { security: bearer(node), profile: aNode('gpu-1') });
    const port = Number(grpcAddress.split(':')[1]);
    // Plain text to a port of TLS.
    connectPlain(port, '127.0.0.1').end('GET / HTTP/1.1\r\n\r\n');
    const noted = () =>
      audit()
        .slice(before)
        .map(({ action, code }) => code ?? action);
    await expect.poll(noted, soon).toEqual(['join', 'tls']);
    agent.vanish();
  });
});

describe('callers', () => {
  test('that ask too often are told when to come again; others are served meanwhile', async () => {
    const limits = { callsPerSecond: 0.001, callsAtOnce: 5 };
    const { grpcAddress, webUrl, token, audit } = await coordinator({ limits });
    const ann = await token('create', 'ann', '--scopes', 'read');
    const bob = await token('create', 'bob', '--scopes', 'read');
    const cy = await token('create', 'cy', '--scopes', 'read');
    await expect.poll(() => list(grpcAddress, bearer(cy)), soon).toBe('ok');
    const flood = await Promise.all(Array.from({ length: 40 }, () => list(grpcAddress, bearer(ann))));
    const served = flood.filter((answer) => answer === 'ok').length;
    expect(served).toBe(5);
    expect(flood).toContainEqual(expect.stringMatching(/^"ann" asks too often: ask again in \d+ s\.$/));
    expect(await list(grpcAddress, bearer(bob))).toBe('ok');
    const web = new RawHttp(webUrl!, { ca: ca.certificate });
    const answer = await web.ask('/api/v1/sweeps', { headers: [`authorization: Bearer ${ann}`] });
    expect([answer.status, /retry-after: \d/i.test(answer.head)]).toEqual([429, true]);
    expect(audit()).toContainEqual(expect.objectContaining({ code: 'too-often' }));
  });

  test('slow ones and those that say nothing are cut, while others are served', async () => {
    const { grpcAddress, token } = await coordinator({ limits: { unauthenticatedSeconds: 1 } });
    const ann = await token('create', 'ann', '--scopes', 'read');
    const port = Number(grpcAddress.split(':')[1]);
    // Half a handshake; a handshake and then a byte now and then.
    const mute = connectPlain(port, '127.0.0.1');
    const slow = connect({ port, host: '127.0.0.1', ca: ca.certificate, ALPNProtocols: ['h2'] });
    const dripping = setInterval(() => slow.write('P'), 200);
    const cut = (socket: {
      once(event: 'close', listener: () => void): unknown;
      on(event: 'error', listener: () => void): unknown;
    }) =>
      new Promise<string>((resolve) => {
        socket.on('error', () => undefined);
        socket.once('close', () => resolve('cut'));
      });
    const both = Promise.all([cut(mute), cut(slow)]);
    await expect.poll(() => list(grpcAddress, bearer(ann)), soon).toBe('ok');
    expect(await both).toEqual(['cut', 'cut']);
    clearInterval(dripping);
  });
});

describe('a reverse proxy', () => {
  const proxied = async (webProxy: CoordinatorConfig['webProxy']) => {
    const { webUrl } = await start({
      webAddress: 'localhost:0',
      webWrites: true,
      ...(webProxy && { webProxy }),
    });
    const web = new RawHttp(webUrl!);
    return async (user: string | null, more: readonly string[] = [], target = '/api/v1/sweeps') =>
      (
        await web.ask(target, {
          headers: [...(user === null ? [] : [`X-Forwarded-User: ${user}`]), ...more],
          host: 'ridge.example',
        })
      ).status;
  };

  test('is believed where it is named, and nobody is where it is not', async () => {
    const grants = [{ user: 'ann', scopes: ['read' as const] }];
    const ask = await proxied({ addresses: ['127.0.0.0/8', '::1'], grants });
    expect([await ask('ann'), await ask('eve'), await ask(null), await ask('')]).toEqual([
      200, 403, 401, 401,
    ]);
    expect(await ask(`ann${'x'.repeat(200)}`)).toBe(401);
    // From elsewhere the header is worth nothing, and the name of another host is refused as ever.
    const other = await proxied({ addresses: ['10.0.0.1'], grants });
    expect(await other('ann')).toBe(403);
    const none = await proxied(null);
    expect(await none('ann')).toBe(403);
  });

  test('has addresses that are some, or the coordinator does not start', async () => {
    const grants = [{ user: '*', scopes: ['read' as const] }];
    await expect(start({ webProxy: { addresses: ['proxy.example'], grants } })).rejects.toThrow(
      'webProxy.addresses: "proxy.example" is no address and no network: write 10.1.2.3 or 10.1.0.0/16.',
    );
  });
});
