import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Pusher } from '../../../coordinator/exporter/push/pusher.js';
import { toFailure } from '../../../core/errors.js';
import { post } from '../../../proto/http/post.js';
import { ConnectProxy } from '../../support/connect-proxy.js';

const VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];
beforeEach(() => {
  for (const name of VARIABLES.flatMap((name) => [name, name.toLowerCase()])) vi.stubEnv(name, '');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** A server of this machine that says what it was sent. */
async function echo(): Promise<number> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    const { host, authorization } = request.headers;
    request.on('end', () => {
      if (request.url === '/elsewhere') response.writeHead(307, { location: '/' });
      response.end(`${request.method} ${request.url} ${host} ${authorization} ${body}`);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const body = new TextEncoder().encode('numbers');
const headers = { authorization: 'Bearer t' };

describe('a POST', () => {
  test('goes to the address itself, follows no redirect, and ends when time is over', async () => {
    const port = await echo();
    const at = (path: string) => new URL(`http://127.0.0.1:${port}${path}`);
    expect(await post(at('/a?b=1'), headers, body, 5)).toEqual({
      status: 200,
      text: `POST /a?b=1 127.0.0.1:${port} Bearer t numbers`,
      via: null,
    });
    expect(await post(at('/elsewhere'), headers, body, 5)).toMatchObject({ status: 307 });
    const silent = createServer(() => undefined);
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const nobody = new URL(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/`);
    await expect(post(nobody, headers, body, 0.1)).rejects.toThrow('it took longer than 0.1 s');
  });

  test('goes through the proxy of the environment, but to this machine and what NO_PROXY names', async () => {
    const port = await echo();
    const proxy = await new ConnectProxy().start();
    proxy.hosts.set('metrics.test', port);
    vi.stubEnv('http_proxy', `http://me:a%40b@${proxy.host}`);
    const url = new URL(`http://metrics.test:${port}/write?x=1`);
    expect(await post(new URL(`http://u:p@${url.host}/write?x=1#f`), {}, body, 5)).toEqual({
      status: 200,
      text: `POST /write?x=1 metrics.test:${port} undefined numbers`,
      via: proxy.host,
    });
    const authorization = `Basic ${Buffer.from('me:a@b').toString('base64')}`;
    expect(proxy.seen).toEqual([{ target: url.href, authorization }]);
    expect(await post(new URL(`http://127.0.0.1:${port}/`), {}, body, 5)).toMatchObject({ status: 200 });
    vi.stubEnv('NO_PROXY', 'metrics.test');
    await expect(post(url, headers, body, 5)).rejects.toThrow(/metrics\.test/);
    expect(proxy.seen).toHaveLength(1);
    vi.stubEnv('http_proxy', 'http://127.0.0.1:9');
    vi.stubEnv('NO_PROXY', '');
    await expect(post(url, {}, body, 5)).rejects.toThrow(/ECONNREFUSED 127\.0\.0\.1:9/);
  });

  test('with credentials goes through no proxy in clear', async () => {
    const proxy = await new ConnectProxy().start();
    proxy.hosts.set('metrics.test', await echo());
    vi.stubEnv('ALL_PROXY', `http://me:secret@${proxy.host}`);
    const { message, hint } = await post(new URL('http://metrics.test/'), headers, body, 5).then(
      () => expect.unreachable(),
      toFailure,
    );
    expect(message).toBe(
      `the proxy ${proxy.host}, which ALL_PROXY names, would read the credentials for metrics.test`,
    );
    expect(hint).toMatch(/NO_PROXY .+ https/);
    expect(proxy.seen).toEqual([]);
  });
});

test('what a proxy answers to a push is not laid on the receiver', async () => {
  const proxy = await new ConnectProxy().start();
  vi.stubEnv('all_proxy', proxy.host);
  const told: string[] = [];
  const url = 'http://metrics.test/v1/metrics';
  const settings = { url, intervalSeconds: 3600, tokenFile: null } as const;
  const pusher = new Pusher(settings, {}, (sentence) => told.push(sentence));
  pusher.start(async () => ({ families: [], genAi: [] }));
  for (const status of [null, 403, 407]) {
    proxy.refuses = status;
    expect(await pusher.push()).toBe(false);
  }
  proxy.refuses = 204;
  await pusher.stop();
  const failed = `metrics could not be pushed to ${url}: `;
  expect(told).toEqual([
    `${failed}the answer through the proxy ${proxy.host} is 502: no such host`,
    `${failed}the answer through the proxy ${proxy.host} is 403`,
    expect.stringMatching(/the proxy \S+ answers 407 to a request for metrics\.test\. .+ all_proxy=http/),
  ]);
});
