import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask } from '../../../proto/http/ask.js';
import { Gathered } from '../../../proto/http/gathered.js';
import { startEndless } from '../../support/endless.js';

const MEGABYTE = 2 ** 20;

/** Collects garbage every few milliseconds while a test runs. */
function collecting(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const timer = setInterval(collect, 20);
  onTestFinished(() => clearInterval(timer));
}

describe('an answer', () => {
  test('that trickles for ever is given up, whatever the garbage collector does', async () => {
    collecting();
    const server = await startEndless(() => ({ part: ' ', everyMilliseconds: 20 }));
    onTestFinished(() => server.close());
    await expect(ask(new URL(server.url), { seconds: 0.3, mostBytes: MEGABYTE })).rejects.toThrow(
      'it took longer than 0.3 s',
    );
  });

  test('that is larger than it may be is cut where the bound is', async () => {
    const server = await startEndless(({ url }) => ({
      part: 'x'.repeat(65_536),
      status: url === '/no' ? 500 : 200,
    }));
    onTestFinished(() => server.close());
    const bounds = { seconds: 60, mostBytes: MEGABYTE };
    await expect(ask(new URL(server.url), bounds)).rejects.toThrow(`more than ${MEGABYTE} bytes`);
    expect((await ask(new URL('/no', server.url), bounds)).text).toHaveLength(MEGABYTE);
    // What sockets hold on their way is the system's.
    expect(server.sent()).toBeLessThan(64 * MEGABYTE);
  });

  test('that is packed is not unpacked, and one that redirects not followed', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/elsewhere') response.writeHead(302, { location: '/' }).end();
      else response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(64 * MEGABYTE)));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bounds = { seconds: 60, mostBytes: MEGABYTE };
    await expect(ask(new URL(url), bounds)).rejects.toThrow('packed (gzip)');
    expect(await ask(new URL(`${url}/elsewhere`), bounds)).toEqual({ status: 302, text: '' });
    expect(asked).toEqual(['/', '/elsewhere']);
  });
});

test('bytes that come in parts are kept in one piece, up to a bound', () => {
  const gathered = new Gathered(10_001);
  const part = Buffer.from('ä');
  for (let i = 0; i < 5000; i++) expect(gathered.push(part)).toBe(true);
  expect(gathered.push(Buffer.from('xy'))).toBe(false);
  expect(gathered.length).toBe(10_001);
  expect(gathered.take()).toBe(`${'ä'.repeat(5000)}x`);
  expect(gathered.length).toBe(0);
  expect(gathered.push(Buffer.from('again'))).toBe(true);
  expect(gathered.take()).toBe('again');
});
