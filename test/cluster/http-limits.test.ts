import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { startExporter } from '../../agent/exporter/server.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { HTTP_LIMITS, type HttpLimits } from '../../proto/http/limits.js';
import { type HttpServer, openHttp } from '../../proto/http/server.js';
import type { ServerSecurity } from '../../proto/security.js';
import { sharedFolder } from '../support/folder.js';
import { RawHttp } from '../support/raw-http.js';
import { Authority, hasOpenssl } from '../support/tls.js';

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const PLAIN: ServerSecurity = { kind: 'plaintext' };
const OPEN = { config: { access: 'public' } } as const;

/** A server with one route that answers and one that has no end, with limits of the test. */
async function serve(
  limits: Partial<HttpLimits>,
  security = PLAIN,
  closed: () => void = () => undefined,
): Promise<HttpServer> {
  const { app, listen } = openHttp('127.0.0.1:0', security, { limits: { ...HTTP_LIMITS, ...limits } });
  app.get('/ok', OPEN, async () => 'ok');
  app.get('/endless', OPEN, (request, reply) => {
    request.raw.socket.once('close', closed);
    const lines = (function* () {
      for (;;) yield 'x'.repeat(64 * 1024);
    })();
    return reply.send(Readable.from(lines));
  });
  const server = await listen();
  closers.push(() => server.close());
  return server;
}

/** A connection that says this and then nothing. */
async function say(url: string, text: string): Promise<{ socket: Socket; closed: Promise<string> }> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port) });
  let heard = '';
  socket.on('data', (piece) => {
    heard += piece.toString('latin1');
  });
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(heard)));
  closers.push(() => void socket.destroy());
  await Promise.race([once(socket, 'connect'), closed]);
  if (text !== '') socket.write(text);
  return { socket, closed };
}

const SHORT = { headerSeconds: 0.2, requestSeconds: 0.3, checkSeconds: 0.05, handshakeSeconds: 0.2 };

test('requests that never end are cut with 408, and others are answered meanwhile', async () => {
  const { url } = await serve(SHORT);
  const halves = ['', 'GET /o', 'GET /ok HTTP/1.1\r\n', 'GET /ok HTTP/1.1\r\nHost: localhost\r\nX: '];
  const slow = await Promise.all([...halves, ...halves, ...halves].map((half) => say(url, half)));
  expect((await fetch(`${url}/ok`)).status).toBe(200);
  for (const { closed } of slow) expect(await closed).toMatch(/^(HTTP\/1\.1 408 |$)/);
  const heard = await Promise.all(slow.map(({ closed }) => closed));
  expect(heard.filter((one) => one.startsWith('HTTP/1.1 408')).length).toBeGreaterThanOrEqual(9);
  expect((await fetch(`${url}/ok`)).status).toBe(200);
});

test('a reader that takes nothing is cut', async () => {
  let cut: () => void = () => undefined;
  const letGo = new Promise<void>((resolve) => {
    cut = resolve;
  });
  const { url } = await serve({ stalledSeconds: 0.3 }, PLAIN, () => cut());
  const { socket } = await say(url, 'GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n');
  socket.pause();
  await letGo;
});

test('an address has so many connections, and gets new ones when old ones close', async () => {
  const { url } = await serve({ connectionsByAddress: 3 });
  const held = await Promise.all([1, 2, 3].map(() => say(url, '')));
  expect(await (await say(url, 'GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n')).closed).toBe('');
  held[0]?.socket.destroy();
  await expect.poll(async () => (await new RawHttp(url).ask('/ok')).status).toBe(200);
});

test('a server has so many connections', async () => {
  const { url } = await serve({ connections: 2 });
  await Promise.all([1, 2].map(() => say(url, '')));
  expect(await (await say(url, 'GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n')).closed).toBe('');
});

describe('all three servers', () => {
  let coordinator: RunningCoordinator;
  async function all(host = '127.0.0.1'): Promise<Record<string, string>> {
    coordinator = await startCoordinator({
      grpcAddress: 'localhost:0',
      webAddress: '127.0.0.1:0',
      metricsAddress: `${host}:0`,
      log: { kind: 'memory' },
      logLevel: 'silent',
      drainSeconds: 0,
    });
    closers.push(() => coordinator.stop('the test is over'));
    const agent = await startExporter(
      () => [],
      () => true,
      { host, port: 0 },
    );
    closers.push(() => agent.close());
    return {
      [`${coordinator.webUrl}`]: '/api/v1/sweeps',
      [`${coordinator.metricsUrl?.replace('/metrics', '')}`]: '/metrics',
      [agent.url]: '/metrics',
    };
  }

  test('on loopback answer under the names of this machine only', async () => {
    const servers = await all();
    for (const [url, path] of Object.entries(servers)) {
      const raw = new RawHttp(url);
      closers.push(() => raw.close());
      const { port } = new URL(url);
      const statusOf = async (host: string, target = path): Promise<number> =>
        (await raw.ask(target, { host })).status;
      for (const host of [`localhost:${port}`, 'LOCALHOST', `127.0.0.1:${port}`, '127.9.9.9', '[::1]:1']) {
        expect([url, host, await statusOf(host)]).toEqual([url, host, 200]);
      }
      const foreign = [
        'rebound.example',
        `rebound.example:${port}`,
        'localhost.rebound.example',
        '127.0.0.1.nip.io',
      ];
      for (const host of [...foreign, 'unix:x', '', '0.0.0.0', '10.1.2.3', 'localhost@x', '[::2]:1']) {
        for (const target of [path, '/healthz', '/readyz', '/']) {
          expect([url, host, await statusOf(host, target)]).toEqual([url, host, 403]);
        }
      }
      expect(await statusOf('localhost', `http://rebound.example${path}`)).toBe(403);
      expect(await statusOf('localhost', `http://localhost:${port}${path}`)).toBe(200);
      expect((await raw.send(`GET ${path} HTTP/1.0\r\n\r\n`)).status).toBe(403);
    }
  });

  test('bound elsewhere, metrics are scraped by other names', async () => {
    for (const [url, path] of Object.entries(await all('0.0.0.0'))) {
      if (path !== '/metrics') continue;
      const raw = new RawHttp(url.replace('0.0.0.0', 'localhost'));
      closers.push(() => raw.close());
      for (const target of ['/metrics', '/healthz', '/readyz']) {
        expect((await raw.ask(target, { host: 'node-7.cluster:9464' })).status).toBe(200);
      }
    }
  });

  test('refuse long addresses, many or large headers, and bodies', async () => {
    for (const [url, path] of Object.entries(await all())) {
      const raw = new RawHttp(url);
      closers.push(() => raw.close());
      const ask = async (target: string, headers: readonly string[] = []): Promise<number> =>
        (await raw.ask(target, { headers })).status;
      expect(await ask(path)).toBe(200);
      expect(await ask(`${path}?${'a'.repeat(2_100)}`)).toBe(414);
      expect(await ask(path, [`X: ${'a'.repeat(17 * 1024)}`])).toBe(431);
      expect(
        await ask(
          path,
          Array.from({ length: 100 }, (_, index) => `X-${index}: a`),
        ),
      ).toBe(431);
      expect(await ask(path, ['Content-Length: 5'])).toBe(400);
      expect(await ask(path, ['Transfer-Encoding: chunked'])).toBe(400);
      expect(await ask(path)).toBe(200);
    }
  });
});

describe.skipIf(!hasOpenssl)('needs openssl', () => {
  const folder = sharedFolder();

  test('a handshake that never comes is cut', async () => {
    const { certificate, key } = new Authority(folder).issue('coordinator');
    const { url } = await serve(SHORT, { kind: 'token', certificate, key, grants: [] });
    const silent = await Promise.all(
      ['', '\x16\x03\x01', 'GET / HTTP/1.1\r\n\r\n'].map((text) => say(url, text)),
    );
    for (const { closed } of silent) expect(await closed).not.toContain('200');
  });
});
