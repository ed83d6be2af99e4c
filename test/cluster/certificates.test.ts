import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadAgentConfig } from '../../agent/config.js';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { issue } from '../../proto/certificates/authority.js';
import { connectControl } from '../../proto/client.js';
import type { ClientSecurity, Scope } from '../../proto/security.js';
import { start } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { temporaryFolder } from '../support/folder.js';
import { untilSaid } from '../support/heard.js';
import { ridgeHere } from '../support/ridge-here.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode } from '../support/wire-records.js';

/** Warnings go to stderr, as people read them. */
const TALKING = { logLevel: 'warn', logFormat: 'text' } as const;
const soon = { timeout: 60_000, interval: 50 };

/** An authority as `ridge certs init` makes it, and the configuration that it prints. */
async function authority() {
  const folder = join(temporaryFolder(), 'certs');
  const certs = async (...words: string[]) => {
    const said = await ridgeHere(['certs', ...words, '--folder', folder]);
    expect(said.code, said.stderr).toBe(0);
    return said;
  };
  const { stdout } = await certs('init');
  const { security } = parse(stdout) as Pick<CoordinatorConfig, 'security'>;
  const read = (name: string) => readFileSync(join(folder, name));
  const by = (name: string): ClientSecurity => ({
    kind: 'mutual-tls',
    ca: read('ca.crt'),
    certificate: read(`${name}.crt`),
    key: read(`${name}.key`),
    serverName: null,
  });
  const serve = (more: CoordinatorConfig = {}) => start({ security: security!, renewSeconds: 0.1, ...more });
  return { folder, certs, read, by, serve };
}

/** @returns `ok`, or the sentence of the refusal. */
async function call(
  address: string,
  security: ClientSecurity,
  what: 'list' | 'submit' = 'list',
): Promise<string> {
  const control = connectControl({ address, security });
  try {
    if (what === 'list') await control.listSweeps({ deadlineSeconds: 15 });
    else await control.submitSweep(submission(fakeSweep(1)), { deadlineSeconds: 15 });
    return 'ok';
  } catch (error) {
    return (error as Error).message;
  } finally {
    control.close();
  }
}

const join_ = (address: string, security: ClientSecurity, node: string) =>
  FakeAgent.join(address, { security, profile: aNode(node) });

/** @returns the serial number of the certificate that a server shows now. */
async function shownBy(address: string, options: ConnectionOptions): Promise<string> {
  const [host, port] = address.replace(/^https:\/\//, '').split(':');
  return await new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), servername: 'localhost', ...options }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.end();
    });
    socket.once('error', reject);
  });
}

describe('ridge certs', () => {
  test('makes an authority whose certificates say what each holder may do; keys are their owner’s alone', async () => {
    const { folder, certs, by, serve } = await authority();
    await certs('node', 'gpu-1');
    await certs('user', 'alice', '--scopes', 'read');
    await certs('user', 'bob', '--scopes', 'submit,read');
    const mode = (name: string) => statSync(join(folder, name)).mode & 0o777;
    expect(['', 'ca.key', 'coordinator.key', 'gpu-1.key', 'alice.key'].map(mode)).toEqual([
      0o700, 0o600, 0o600, 0o600, 0o600,
    ]);
    const { grpcAddress } = await serve();
    expect(await call(grpcAddress, by('alice'))).toBe('ok');
    expect(await call(grpcAddress, by('alice'), 'submit')).toBe(
      'The certificate "alice" is for the scope "read", and this needs "submit".',
    );
    expect(await call(grpcAddress, by('bob'), 'submit')).toBe('ok');
    expect(await call(grpcAddress, by('gpu-1'))).toMatch(/is for the scope "agent"/);
    (await join_(grpcAddress, by('gpu-1'), 'gpu-1')).agent.vanish();
    await expect(join_(grpcAddress, by('gpu-1'), 'gpu-2')).rejects.toThrow(/may be node "gpu-1"/);
    await expect(join_(grpcAddress, by('bob'), 'bob')).rejects.toThrow(/is for the scope "submit, read"/);
  });

  test('refuses a namespace that cannot be, and says how the coordinator’s certificate is renewed', async () => {
    const { folder } = await authority();
    const at = ['--folder', folder];
    const user = await ridgeHere(['certs', 'user', 'bob', '--scopes', 'read', '--namespaces', 'labA', ...at]);
    expect([user.code, user.stderr]).toEqual([2, expect.stringContaining('"labA" cannot be a namespace')]);
    const again = await ridgeHere(['certs', 'init', ...at]);
    expect([again.code, again.stderr]).toEqual([
      2,
      expect.stringContaining('`ridge certs coordinator` renews'),
    ]);
  });

  test('revokes: who is on the list is cut off and refused, without a restart; another authority’s list is not taken', async () => {
    const { certs, read, by, serve, folder } = await authority();
    await certs('node', 'gpu-1');
    await certs('user', 'alice', '--scopes', 'read');
    const { grpcAddress } = await serve(TALKING);
    const { agent } = await join_(grpcAddress, by('gpu-1'), 'gpu-1');
    expect(await call(grpcAddress, by('alice'))).toBe('ok');
    // A list that somebody else signed changes nothing.
    const stranger = await authority();
    const own = read('revoked.pem');
    await stranger.certs('node', 'gpu-1');
    await stranger.certs('revoke', 'gpu-1');
    await untilSaid('what was read before holds on', () =>
      writeFileSync(join(folder, 'revoked.pem'), stranger.read('revoked.pem')),
    );
    expect(await call(grpcAddress, by('alice'))).toBe('ok');
    writeFileSync(join(folder, 'revoked.pem'), own);

    await certs('revoke', 'alice');
    await certs('revoke', 'gpu-1');
    await expect
      .poll(() => call(grpcAddress, by('alice')), soon)
      .toBe('The certificate "alice" was revoked.');
    await expect.poll(() => agent.ended, soon).not.toBeNull();
    await expect(join_(grpcAddress, by('gpu-1'), 'gpu-1')).rejects.toThrow(
      'The certificate "gpu-1" was revoked.',
    );
    // A new one for the same name holds.
    await certs('user', 'alice', '--scopes', 'read');
    expect(await call(grpcAddress, by('alice'))).toBe('ok');
    const { stdout } = await certs('list');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) =>
          line
            .trim()
            .split(/\s{2,}/)
            .slice(0, 5)
            .join(' '),
        ),
    ).toMatchObject([
      expect.stringMatching(/^name/),
      expect.stringMatching(/^coordinator server - \d{4}-\d\d-\d\d valid/),
      expect.stringMatching(/^gpu-1 agent - \S+ revoked/),
      expect.stringMatching(/^alice read - \S+ revoked/),
      expect.stringMatching(/^alice read - \S+ valid/),
    ]);
  });

  test('renews the coordinator’s certificate while its agents stay connected; half a pair changes nothing', async () => {
    const { folder, certs, read, by, serve } = await authority();
    await certs('node', 'gpu-1');
    const { grpcAddress, webUrl } = await serve({ webAddress: 'localhost:0', ...TALKING });
    const { agent } = await join_(grpcAddress, by('gpu-1'), 'gpu-1');
    const client = { ca: read('ca.crt'), cert: read('gpu-1.crt'), key: read('gpu-1.key') };
    const before = await shownBy(grpcAddress, { ...client, ALPNProtocols: ['h2'] });
    expect(await shownBy(webUrl!, client)).toBe(before);
    // Somebody who copies files by hand is in the middle of it.
    const old = read('coordinator.crt');
    await untilSaid('what was read before holds on', () =>
      writeFileSync(join(folder, 'coordinator.crt'), read('gpu-1.crt')),
    );
    expect(await shownBy(grpcAddress, { ...client, ALPNProtocols: ['h2'] })).toBe(before);
    writeFileSync(join(folder, 'coordinator.crt'), old);

    await certs('coordinator');
    await expect
      .poll(() => shownBy(grpcAddress, { ...client, ALPNProtocols: ['h2'] }), soon)
      .not.toBe(before);
    await expect.poll(() => shownBy(webUrl!, client), soon).not.toBe(before);
    expect((await agent.ask()).$case).toBe('noWork');
    agent.vanish();
  });

  test('an agent takes a renewed certificate with its next stream', async () => {
    const { folder, certs } = await authority();
    await certs('node', 'gpu-1');
    const file = (name: string) => join(folder, name);
    const tls = { ca: file('ca.crt'), certificate: file('gpu-1.crt'), key: file('gpu-1.key') };
    const { endpoint } = loadAgentConfig({ env: {}, overrides: { tls } });
    const before = endpoint();
    expect(endpoint()).toEqual(before);
    await certs('node', 'gpu-1');
    expect(endpoint()).not.toEqual(before);
  });

  test('who has expired gets in no more, and is cut off when it expires', async () => {
    const { read, by, certs, serve, folder } = await authority();
    await certs('user', 'alice', '--scopes', 'read');
    const { grpcAddress } = await serve();
    const ca = { certificate: read('ca.crt').toString(), key: read('ca.key').toString() };
    const put = async (name: string, seconds: number) => {
      const scopes: Scope[] = ['agent'];
      const subject = { commonName: name, hosts: [], scopes, namespaces: null };
      const pair = await issue(ca, subject, seconds / 86_400);
      writeFileSync(join(folder, `${name}.crt`), pair.certificate);
      writeFileSync(join(folder, `${name}.key`), pair.key);
    };
    await put('old', -1);
    await expect(join_(grpcAddress, by('old'), 'old')).rejects.toMatchObject({ code: 'unavailable' });
    await put('short', 3);
    const { agent } = await join_(grpcAddress, by('short'), 'short');
    await expect.poll(() => agent.ended, soon).not.toBeNull();
    // Others go on.
    expect(await call(grpcAddress, by('alice'))).toBe('ok');
  });

  test('says what is wrong in one sentence', async () => {
    const { folder } = await authority();
    const said = async (...words: string[]) =>
      (await ridgeHere(['certs', ...words, '--folder', folder])).stderr;
    expect(await said('init')).toMatch(/has an authority already/);
    expect(await said('node', '../up')).toMatch(/cannot be called \.\.\/up/);
    expect(await said('node', 'ca')).toMatch(/cannot be called ca/);
    expect(await said('user', 'x', '--scopes', 'root')).toMatch(
      /"root" is none of agent, submit, read, admin/,
    );
    expect(await said('revoke', 'nobody')).toMatch(
      /there is no certificate nobody .*\n.*There are: coordinator/,
    );
    const none = await ridgeHere(['certs', 'list', '--folder', join(folder, 'none')]);
    expect(none.stderr).toMatch(/there is no such file\n.*`ridge certs init` makes an authority/);
  });
});
