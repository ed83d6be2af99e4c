import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fetchModel } from '../../../artifacts/files/remote/fetch.js';
import { peek } from '../../../artifacts/files/remote/peek.js';
import { readPolicy, sourcesSchema } from '../../../artifacts/files/remote/policy.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { type Failure, toFailure } from '../../../core/errors.js';
import { readRemote } from '../../../core/models/remote.js';
import { proxyFor } from '../../../proto/http/proxy.js';
import { ConnectProxy } from '../../support/connect-proxy.js';
import { FileServer } from '../../support/file-server.js';
import { temporaryFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';
import { Authority, hasOpenssl } from '../../support/tls.js';

const VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];
beforeEach(() => {
  for (const name of VARIABLES.flatMap((name) => [name, name.toLowerCase()])) vi.stubEnv(name, '');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the proxy of an address', () => {
  const through = (address: string, environment: Record<string, string>) =>
    proxyFor(new URL(address), environment)?.url.href ?? null;

  test('is HTTPS_PROXY, else ALL_PROXY, small letters first; http where no scheme is written', () => {
    const all = { HTTPS_PROXY: 'http://b:2', https_proxy: 'a:1', ALL_PROXY: 'https://d', all_proxy: 'c:3' };
    expect(through('https://h.example/m', all)).toBe('http://a:1/');
    expect(through('https://h.example/m', { ...all, https_proxy: '' })).toBe('http://b:2/');
    expect(through('https://h.example/m', { ALL_PROXY: 'https://d' })).toBe('https://d/');
    expect(through('https://h.example/m', { HTTP_PROXY: 'http://a:1' })).toBeNull();
    expect(through('http://h.example/m', { HTTPS_PROXY: 'http://a:1' })).toBeNull();
    expect(through('http://h.example/m', { HTTPS_PROXY: 'a:1', HTTP_PROXY: 'b:2' })).toBe('http://b:2/');
    expect(through('http://h.example/m', { ALL_PROXY: 'b:2' })).toBe('http://b:2/');
    expect(through('https://h.example/m', {})).toBeNull();
  });

  test('is none for this machine', () => {
    for (const host of ['localhost', '127.0.0.1:8443', '[::1]', '[::ffff:127.0.0.1]:8443'])
      expect(through(`https://${host}/m`, { HTTPS_PROXY: 'a:1', HTTP_PROXY: 'a:1' })).toBeNull();
    expect(through('http://127.0.0.1/m', { HTTPS_PROXY: 'a:1', HTTP_PROXY: 'a:1' })).toBeNull();
  });

  test.each([
    ['h.example', 'https://h.example/m', true],
    ['H.Example, other', 'https://deep.h.example/m', true],
    ['.h.example', 'https://h.example/m', true],
    ['*.h.example', 'https://deep.h.example/m', true],
    ['h.example', 'https://ah.example/m', false],
    ['h.example:443', 'https://h.example/m', true],
    ['h.example:8443', 'https://h.example/m', false],
    ['h.example:80', 'http://h.example/m', true],
    ['h.example:443', 'http://h.example/m', false],
    ['other h.example:8443', 'https://h.example:8443/m', true],
    ['*', 'https://h.example/m', true],
    ['10.0.0.0/8', 'https://10.200.3.4/m', true],
    ['10.0.0.0/8', 'https://11.0.0.1/m', false],
    ['10.0.0.0/8', 'https://h.example/m', false],
    ['10.0.0.0/99', 'https://10.0.0.1/m', false],
    ['0.1', 'https://10.0.0.1/m', false],
    ['fd00::/8', 'https://[fd00::1]/m', true],
    ['fd00::1', 'https://[fd00::1]:8443/m', true],
    ['[fd00::1]:443', 'https://[fd00::1]/m', true],
    ['', 'https://h.example/m', false],
  ])('NO_PROXY=%s and %s: %s', (except, address, direct) => {
    for (const name of ['NO_PROXY', 'no_proxy'])
      expect(through(address, { HTTPS_PROXY: 'a:1', HTTP_PROXY: 'a:1', [name]: except }) === null).toBe(
        direct,
      );
  });

  test.each(['socks5://me:secret@a:1', 'http://', 'http://me:%zz@a'])('%s is none', (word) => {
    try {
      through('https://h.example/m', { HTTPS_PROXY: word });
      expect.unreachable();
    } catch (error) {
      const { code, message, hint } = toFailure(error);
      expect(code).toBe('fetch-failed');
      expect(`${message} ${hint}`).toMatch(/HTTPS_PROXY .+ no proxy .+ NO_PROXY/);
      expect(`${message} ${hint}`).not.toContain('secret');
    }
  });
});

describe.skipIf(!hasOpenssl)('through a proxy (needs openssl)', () => {
  const tiny = readFileSync(`${builtinFolder()}/tiny-f16.gguf`);
  const digest = `sha256:${createHash('sha256').update(tiny).digest('hex')}`;

  /** A model on a host that only the proxy can find, and a node that may fetch it. */
  async function behind(sources: object = {}) {
    const authority = new Authority(temporaryFolder());
    const server = await new FileServer(authority.issue('server', ['models.test'])).start();
    server.put('/m.gguf', tiny);
    const { port } = new URL(server.url);
    const source = `https://models.test:${port}/m.gguf`;
    const policy = readPolicy(
      sourcesSchema.parse({
        https: [`https://models.test:${port}/`],
        ca: authority.caFile,
        attempts: 2,
        backoffSeconds: 0.01,
        ...sources,
      }),
      1e9,
      (_, path) => readFileSync(path, 'utf8'),
    );
    const reading = sound(readRemote(source));
    const { remote } = reading;
    const path = `${temporaryFolder()}/m.gguf`;
    const { signal } = new AbortController();
    return {
      authority,
      target: `models.test:${port}`,
      meet: (proxy: ConnectProxy) => proxy.hosts.set('models.test', Number(port)),
      fetch: async () => {
        await fetchModel({ source, remote, digest, policy }, path, signal, () => {});
        return readFileSync(path);
      },
      look: () => peek(source, remote, { kind: 'web', policy, signal }),
    };
  }

  async function refusal(work: Promise<unknown>): Promise<Failure> {
    return await work.then(() => expect.unreachable(), toFailure);
  }

  test.each(['http', 'https'])('a model is looked at and fetched; the proxy speaks %s', async (scheme) => {
    const there = await behind();
    const pair = scheme === 'https' ? there.authority.issue('proxy') : null;
    const proxy = await new ConnectProxy(pair).start();
    there.meet(proxy);
    vi.stubEnv('https_proxy', `${scheme}://me:a%40b@${proxy.host}`);
    expect((await there.look()).facts).toMatchObject({ layers: 4, bytes: tiny.length });
    expect((await there.fetch()).equals(tiny)).toBe(true);
    const authorization = `Basic ${Buffer.from('me:a@b').toString('base64')}`;
    expect(proxy.seen).toEqual([
      { target: there.target, authorization },
      { target: there.target, authorization },
    ]);
  });

  test('this machine is asked itself', async () => {
    const proxy = await new ConnectProxy().start();
    vi.stubEnv('HTTPS_PROXY', proxy.host);
    const authority = new Authority(temporaryFolder());
    const server = await new FileServer(authority.issue('server')).start();
    const source = server.put('/m.gguf', tiny);
    const policy = readPolicy(
      sourcesSchema.parse({ https: [server.url], ca: authority.caFile }),
      1e9,
      (_, path) => readFileSync(path, 'utf8'),
    );
    const { signal } = new AbortController();
    await peek(source, { kind: 'web', url: source, digest: null }, { kind: 'web', policy, signal });
    expect(proxy.seen).toEqual([]);
  });

  test('the certificate of the other end is judged, not the proxy', async () => {
    const there = await behind({ ca: undefined });
    const proxy = await new ConnectProxy().start();
    there.meet(proxy);
    vi.stubEnv('HTTPS_PROXY', proxy.host);
    expect(await refusal(there.fetch())).toMatchObject({
      code: 'source-not-allowed',
      message: expect.stringContaining(`the certificate of ${there.target} is not trusted`),
      hint: expect.stringContaining('sources.ca'),
    });
  });

  test('a proxy that refuses, is busy, is silent or is not there is named, its password is not', async () => {
    const there = await behind({ stallSeconds: 0.2 });
    const proxy = await new ConnectProxy().start();
    vi.stubEnv('ALL_PROXY', `me:secret@${proxy.host}`);
    const told: string[] = [];
    const next = async (refuses: number | null) => {
      proxy.refuses = refuses;
      const { code, message, hint } = await refusal(there.fetch());
      told.push(`${code}: ${message} ${hint}`);
      return told.at(-1);
    };
    const named = `the proxy ${proxy.host}`;
    expect(await next(407)).toMatch(
      `source-not-allowed: ${named} answers 407 to a connection to ${there.target}`,
    );
    expect(await next(407)).toMatch(' ALL_PROXY=http://NAME:PASSWORD@host:port');
    expect(await next(403)).toMatch(/answers 403 .+ Ask whoever runs the proxy/);
    const before = proxy.seen.length;
    expect(await next(503)).toMatch(
      /^fetch-failed: .+ in 2 attempts: the proxy .+ answers 503 .+HTTPS_PROXY/,
    );
    expect(proxy.seen.length - before).toBe(2);
    expect(await next(0)).toMatch(`${named} sent nothing for 0.2 s`);
    vi.stubEnv('ALL_PROXY', 'me:secret@127.0.0.1:9');
    expect(await next(null)).toMatch('the connection to the proxy 127.0.0.1:9 failed');
    expect(told.join('\n')).not.toContain('secret');
  });
});
