import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { connectControl } from '../../proto/client.js';
import type { ClientSecurity } from '../../proto/security.js';
import { start as startAny } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { sharedFolder } from '../support/folder.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { Authority, bearer, byTokens, hasOpenssl, mutual, type Pair } from '../support/tls.js';
import { aNode } from '../support/wire-records.js';

const start = async (config: CoordinatorConfig) => (await startAny(config)).grpcAddress;

/** Calls once. @returns the code of the refusal, or `ok`. */
async function call(address: string, security: ClientSecurity, what: 'list' | 'submit'): Promise<string> {
  const control = connectControl({ address, security });
  const limits = { deadlineSeconds: 15 };
  try {
    if (what === 'list') await control.listSweeps(limits);
    else {
      const document = fakeSweep(1);
      await control.submitSweep(submission(document), limits);
    }
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    control.close();
  }
}

async function join_(address: string, security: ClientSecurity, node?: string): Promise<string> {
  try {
    const { agent } = await FakeAgent.join(address, { security, profile: aNode(node) });
    agent.vanish();
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test('plaintext is refused on anything but loopback, by server and client, before a byte is sent', async () => {
  const sentence = /^Plaintext is for loopback only and .* is not: give certificates/;
  await expect(start({ grpcAddress: '0.0.0.0:0' })).rejects.toThrow(sentence);
  const plaintext: ClientSecurity = { kind: 'plaintext' };
  expect(() => connectControl({ address: '10.1.2.3:7070', security: plaintext })).toThrow(sentence);
});

describe.skipIf(!hasOpenssl)('needs openssl', () => {
  const folder = sharedFolder();
  let authority: Authority;
  let server: Pair;
  beforeAll(() => {
    authority = new Authority(folder);
    server = authority.issue('coordinator');
  });

  /** What shows a certificate of that name. */
  const named = (name: string): ClientSecurity => mutual(authority.ca, authority.issue(name));
  const as = (name: string): ClientSecurity => bearer(authority.ca, name);
  type Grants = Extract<CoordinatorConfig['security'], { kind: 'mutual-tls' }>['grants'];
  const byCertificates = (grants: Grants) => {
    const { certificateFile, keyFile } = server;
    return start({
      security: { kind: 'mutual-tls', caFile: authority.caFile, certificateFile, keyFile, grants },
    });
  };

  test('an IP address is held against the certificate, and Node.js has nothing to warn of', async () => {
    const address = await start({ security: byTokens(server, { ops: { scopes: ['read'] } }) });
    const port = address.split(':').at(-1);
    const warned: string[] = [];
    const hear = (warning: Error & { code?: string }) => warned.push(warning.code ?? warning.message);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
    expect(await call(`127.0.0.1:${port}`, as('ops'), 'list')).toBe('ok');
    const elsewhere = { ...as('ops'), serverName: '10.1.2.3' } as ClientSecurity;
    expect(await call(`127.0.0.1:${port}`, elsewhere, 'list')).toBe('unavailable');
    expect(warned).toEqual([]);
  });

  test('mutual TLS: who may what follows from the common name', async () => {
    const address = await byCertificates([
      { commonName: 'node-*', scopes: ['agent'] },
      { commonName: 'viewer', scopes: ['read'] },
    ]);
    const [viewer, node, stranger] = [named('viewer'), named('node-7'), named('stranger')];
    expect(await call(address, viewer, 'list')).toBe('ok');
    expect(await call(address, viewer, 'submit')).toBe('forbidden');
    expect(await join_(address, viewer)).toBe('forbidden');
    expect(await join_(address, node, 'node-7')).toBe('ok');
    expect(await call(address, node, 'list')).toBe('forbidden');
    expect(await call(address, stranger, 'list')).toBe('forbidden');
  });

  test('a node has the name of its certificate or token, or one that its grant allows', async () => {
    const byCertificate = await byCertificates([
      { commonName: 'node-*', scopes: ['agent'] },
      { commonName: 'farm', scopes: ['agent'], nodes: ['gpu-*', 'spare'] },
    ]);
    const [node, farm] = [named('node-8'), named('farm')];
    expect(await join_(byCertificate, node, 'node-8')).toBe('ok');
    expect(await join_(byCertificate, node, 'node-9')).toBe('forbidden');
    for (const name of ['gpu-1', 'spare']) expect(await join_(byCertificate, farm, name)).toBe('ok');
    for (const name of ['farm', 'cpu-1', 'spare-2'])
      expect(await join_(byCertificate, farm, name)).toBe('forbidden');
    await expect(FakeAgent.join(byCertificate, { security: node, profile: aNode('gpu-1') })).rejects.toThrow(
      'The certificate "node-8" may be node "node-8", not "gpu-1": give its grant nodes: ["gpu-1"] in the coordinator\'s configuration, or start the agent with --name node-8.',
    );

    const rights = { lab: { scopes: ['agent'] }, farm: { scopes: ['agent'], nodes: ['*'] } } as const;
    const byToken = await start({ security: byTokens(server, rights) });
    expect(await join_(byToken, as('lab'), 'lab')).toBe('ok');
    expect(await join_(byToken, as('lab'), 'other')).toBe('forbidden');
    expect(await join_(byToken, as('farm'), 'other')).toBe('ok');
  });

  test('a node that is connected is not taken over with another credential, whatever instance it says', async () => {
    const address = await byCertificates([{ commonName: '*', scopes: ['agent'], nodes: ['*'] }]);
    const options = { profile: aNode('gpu-1'), instance: 'seen by all' };
    const own = named('own');
    const { agent } = await FakeAgent.join(address, { ...options, security: own });
    const other = named('other-one');
    await expect(FakeAgent.join(address, { ...options, security: other })).rejects.toMatchObject({
      code: 'exists',
    });
    expect((await agent.ask()).$case).toBe('noWork');
    const again = await FakeAgent.join(address, { ...options, security: own });
    again.agent.vanish();
    agent.vanish();
  });

  test('mutual TLS: no certificate, one of another authority, and plaintext never get in', async () => {
    const address = await byCertificates(undefined);
    const other = new Authority(folder, 'other');
    expect(await call(address, named('anyone'), 'list')).toBe('ok');
    expect(await call(address, mutual(authority.ca, other.issue('rogue')), 'list')).toBe('unavailable');
    expect(await call(address, mutual(other.ca, authority.issue('careful')), 'list')).toBe('unavailable');
    const noCertificate: ClientSecurity = { kind: 'token', ca: authority.ca, token: 'x', serverName: null };
    expect(await call(address, noCertificate, 'list')).toBe('unavailable');
    expect(await call(address, { kind: 'plaintext' }, 'list')).toBe('unavailable');
  });

  test('tokens: scopes are kept, unknown and missing tokens are refused', async () => {
    const address = await start({
      security: byTokens(server, {
        fleet: { scopes: ['agent'] },
        ci: { scopes: ['submit', 'read'] },
        grafana: { scopes: ['read'] },
      }),
    });
    expect(await call(address, as('ci'), 'submit')).toBe('ok');
    expect(await call(address, as('ci'), 'list')).toBe('ok');
    expect(await call(address, as('grafana'), 'list')).toBe('ok');
    expect(await call(address, as('grafana'), 'submit')).toBe('forbidden');
    expect(await join_(address, as('fleet'), 'fleet')).toBe('ok');
    expect(await join_(address, as('ci'))).toBe('forbidden');
    expect(await call(address, as('guess'), 'list')).toBe('unauthenticated');
    const none: ClientSecurity = { kind: 'token', ca: authority.ca, token: '', serverName: null };
    expect(await call(address, none, 'list')).toBe('unauthenticated');
  });

  test('a short token and a missing file are named at the start', async () => {
    const tokensFile = join(folder, 'short.yaml');
    writeFileSync(tokensFile, '[{ name: ci, token: short, scopes: [read] }]');
    const files = { certificateFile: server.certificateFile, keyFile: server.keyFile };
    await expect(start({ security: { kind: 'token', ...files, tokensFile } })).rejects.toThrow(
      /short\.yaml: 0\.token: at least 16 characters/,
    );
    const away = join(folder, 'away.yaml');
    await expect(start({ security: { kind: 'token', ...files, tokensFile: away } })).rejects.toThrow(
      /The token list file .*away\.yaml cannot be read: there is no such file/,
    );
  });
});
