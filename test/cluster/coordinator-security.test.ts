import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { connectControl } from '../../proto/client.js';
import type { ClientSecurity } from '../../proto/security.js';
import { start as startAny } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { Authority, hasOpenssl, type Pair } from '../support/tls.js';
import { aNode } from '../support/wire-records.js';
import { sharedFolder } from '../support/folder.js';

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
  const mutual = (pair: Pair, ca = authority.ca): ClientSecurity => ({
    kind: 'mutual-tls',
    ca,
    certificate: pair.certificate,
    key: pair.key,
    serverName: null,
  });

  test('mutual TLS: who may what follows from the common name', async () => {
    const address = await start({
      security: {
        kind: 'mutual-tls',
        caFile: authority.caFile,
        certificateFile: server.certificateFile,
        keyFile: server.keyFile,
        grants: [
          { commonName: 'node-*', scopes: ['agent'] },
          { commonName: 'viewer', scopes: ['read'] },
        ],
      },
    });
    const viewer = mutual(authority.issue('viewer'));
    const node = mutual(authority.issue('node-7'));
    const stranger = mutual(authority.issue('stranger'));
    expect(await call(address, viewer, 'list')).toBe('ok');
    expect(await call(address, viewer, 'submit')).toBe('forbidden');
    expect(await join_(address, viewer)).toBe('forbidden');
    expect(await join_(address, node, 'node-7')).toBe('ok');
    expect(await call(address, node, 'list')).toBe('forbidden');
    expect(await call(address, stranger, 'list')).toBe('forbidden');
  });

  test('a node has the name of its certificate or token, or one that its grant allows', async () => {
    const files = { certificateFile: server.certificateFile, keyFile: server.keyFile };
    const byCertificate = await start({
      security: {
        kind: 'mutual-tls',
        caFile: authority.caFile,
        ...files,
        grants: [
          { commonName: 'node-*', scopes: ['agent'] },
          { commonName: 'farm', scopes: ['agent'], nodes: ['gpu-*', 'spare'] },
        ],
      },
    });
    const node = mutual(authority.issue('node-8'));
    const farm = mutual(authority.issue('farm'));
    expect(await join_(byCertificate, node, 'node-8')).toBe('ok');
    expect(await join_(byCertificate, node, 'node-9')).toBe('forbidden');
    for (const name of ['gpu-1', 'spare']) expect(await join_(byCertificate, farm, name)).toBe('ok');
    for (const name of ['farm', 'cpu-1', 'spare-2'])
      expect(await join_(byCertificate, farm, name)).toBe('forbidden');
    await expect(FakeAgent.join(byCertificate, { security: node, profile: aNode('gpu-1') })).rejects.toThrow(
      'The certificate "node-8" may be node "node-8", not "gpu-1": give its grant nodes: ["gpu-1"] in the coordinator\'s configuration, or start the agent with --name node-8.',
    );

    const tokensFile = join(folder, 'nodes.yaml');
    writeFileSync(
      tokensFile,
      `
- { name: lab, token: lab-0123456789abcdef, scopes: [agent] }
- { name: farm, token: farm-0123456789abcdef, scopes: [agent], nodes: ["*"] }
`,
    );
    const byToken = await start({ security: { kind: 'token', ...files, tokensFile } });
    const bearer = (token: string): ClientSecurity => ({
      kind: 'token',
      ca: authority.ca,
      token,
      serverName: null,
    });
    expect(await join_(byToken, bearer('lab-0123456789abcdef'), 'lab')).toBe('ok');
    expect(await join_(byToken, bearer('lab-0123456789abcdef'), 'other')).toBe('forbidden');
    expect(await join_(byToken, bearer('farm-0123456789abcdef'), 'other')).toBe('ok');
  });

  test('a node that is connected is not taken over with another credential, whatever instance it says', async () => {
    const address = await start({
      security: {
        kind: 'mutual-tls',
        caFile: authority.caFile,
        certificateFile: server.certificateFile,
        keyFile: server.keyFile,
        grants: [{ commonName: '*', scopes: ['agent'], nodes: ['*'] }],
      },
    });
    const options = { profile: aNode('gpu-1'), instance: 'seen by all' };
    const own = mutual(authority.issue('own'));
    const { agent } = await FakeAgent.join(address, { ...options, security: own });
    const other = mutual(authority.issue('other-one'));
    await expect(FakeAgent.join(address, { ...options, security: other })).rejects.toMatchObject({
      code: 'exists',
    });
    expect((await agent.ask()).$case).toBe('noWork');
    const again = await FakeAgent.join(address, { ...options, security: own });
    again.agent.vanish();
    agent.vanish();
  });

  test('mutual TLS: no certificate, one of another authority, and plaintext never get in', async () => {
    const address = await start({
      security: {
        kind: 'mutual-tls',
        caFile: authority.caFile,
        certificateFile: server.certificateFile,
        keyFile: server.keyFile,
      },
    });
    const other = new Authority(folder, 'other');
    expect(await call(address, mutual(authority.issue('anyone')), 'list')).toBe('ok');
    expect(await call(address, mutual(other.issue('rogue')), 'list')).toBe('unavailable');
    expect(await call(address, mutual(authority.issue('careful'), other.ca), 'list')).toBe('unavailable');
    const noCertificate: ClientSecurity = { kind: 'token', ca: authority.ca, token: 'x', serverName: null };
    expect(await call(address, noCertificate, 'list')).toBe('unavailable');
    expect(await call(address, { kind: 'plaintext' }, 'list')).toBe('unavailable');
  });

  test('tokens: scopes are kept, unknown and missing tokens are refused', async () => {
    const tokensFile = join(folder, 'tokens.yaml');
    writeFileSync(
      tokensFile,
      `
- { name: fleet, token: fleet-0123456789abcdef, scopes: [agent] }
- { name: ci, token: ci-0123456789abcdef, scopes: [submit, read] }
- { name: grafana, token: grafana-0123456789abcdef, scopes: [read] }
`,
    );
    const address = await start({
      security: {
        kind: 'token',
        certificateFile: server.certificateFile,
        keyFile: server.keyFile,
        tokensFile,
      },
    });
    const bearer = (token: string): ClientSecurity => ({
      kind: 'token',
      ca: authority.ca,
      token,
      serverName: null,
    });
    expect(await call(address, bearer('ci-0123456789abcdef'), 'submit')).toBe('ok');
    expect(await call(address, bearer('ci-0123456789abcdef'), 'list')).toBe('ok');
    expect(await call(address, bearer('grafana-0123456789abcdef'), 'list')).toBe('ok');
    expect(await call(address, bearer('grafana-0123456789abcdef'), 'submit')).toBe('forbidden');
    expect(await join_(address, bearer('fleet-0123456789abcdef'), 'fleet')).toBe('ok');
    expect(await join_(address, bearer('ci-0123456789abcdef'))).toBe('forbidden');
    expect(await call(address, bearer('guess-0123456789abcdef'), 'list')).toBe('unauthenticated');
    expect(await call(address, bearer(''), 'list')).toBe('unauthenticated');
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
