import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FetchReport } from '../../../artifacts/files/remote/job.js';
import { peek } from '../../../artifacts/files/remote/peek.js';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import type { Launcher } from '../../../artifacts/files/store.js';
import type { Failure } from '../../../core/errors.js';
import { readRemote } from '../../../core/models/remote.js';
import { launch } from '../../../process/isolation/launch.js';
import { content, fetching, node, refused, sha256 } from '../../support/fetching.js';
import { FileServer } from '../../support/file-server.js';
import { temporaryFolder } from '../../support/folder.js';
import { hub } from '../../support/hub.js';
import { sound } from '../../support/reading.js';
import { Authority, hasOpenssl } from '../../support/tls.js';

describe('a file is fetched', () => {
  test('once, however many ask for it, and kept', async () => {
    const server = await new FileServer().start();
    const model = content(200_000);
    const source = server.put('/m.gguf', model);
    server.pace = { bytes: 50_000, milliseconds: 10 };
    const { ask, left } = node({ https: [server.url] });
    const seen: number[] = [];
    const all = await Promise.all([
      ask(source, { onProgress: (done) => seen.push(done) }),
      ask(source),
      ask(source, { digest: sha256(model) }),
    ]);
    expect(new Set(all.map(({ path }) => path)).size).toBe(1);
    expect(readFileSync(all[0].path).equals(model)).toBe(true);
    expect(all[2]).toMatchObject({ digest: sha256(model), bytes: 200_000, address: source });
    expect(server.seen).toHaveLength(1);
    expect(seen.at(-1)).toBe(200_000);
    expect(left()).toEqual(['F.gguf', 'F.gguf.json']);
    // Without its server, too.
    await server.stop();
    expect((await ask(source)).digest).toBe(sha256(model));
  });

  test('on from where the connection was cut, again and again', async () => {
    const server = await new FileServer().start();
    const model = content(300_000);
    const source = server.put('/m.gguf', model, '"v1"');
    server.cuts = [100_000, 50_000, 70_000, 20_000];
    const { ask } = node({ https: [server.url], attempts: 3 });
    const { path } = await ask(source);
    expect(readFileSync(path).equals(model)).toBe(true);
    expect(server.seen[0]).toMatchObject({ range: undefined, ifRange: undefined });
    const later = server.seen.slice(1);
    expect(later).toHaveLength(4);
    expect(later.every(({ ifRange }) => ifRange === '"v1"')).toBe(true);
    const starts = later.map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]));
    expect(starts[0]).toBeGreaterThan(0);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  });

  test('from the beginning when it changed in between', async () => {
    const server = await new FileServer().start();
    const source = server.put('/m.gguf', content(100_000), '"old"');
    server.cuts = [60_000];
    const other = content(90_000, 2);
    const { ask } = node({ https: [server.url], attempts: 1 });
    expect((await refused(ask(source))).code).toBe('fetch-failed');
    server.put('/m.gguf', other, '"new"');
    expect(readFileSync((await ask(source)).path).equals(other)).toBe(true);
    expect(server.seen[1]).toMatchObject({ range: expect.stringMatching(/^bytes=\d+-$/), ifRange: '"old"' });
  });

  test('from the beginning when nothing can tell whether it is the same', async () => {
    const server = await new FileServer().start();
    const model = content(100_000);
    const source = server.put('/m.gguf', model, 'W/"weak"');
    server.cuts = [60_000];
    const { ask } = node({ https: [server.url] });
    expect((await ask(source)).digest).toBe(sha256(model));
    expect(server.seen.map(({ range }) => range)).toEqual([undefined, undefined]);
  });

  test('by nobody else than its last byte: a part that is whole needs no server', async () => {
    const server = await new FileServer().start();
    const model = content(50_000);
    const source = server.put('/m.gguf', model, '"v"');
    server.cuts = [20_000];
    const { ask, cacheFolder } = node({ https: [server.url], attempts: 1 });
    await refused(ask(source));
    const folder = join(cacheFolder, 'artifacts');
    const part = readdirSync(folder).find((name) => name.endsWith('.part'))!;
    writeFileSync(join(folder, part), model);
    await server.stop();
    expect((await ask(source)).digest).toBe(sha256(model));
  });

  test('again when the server was busy, as soon as it says', async () => {
    const server = await new FileServer().start();
    const source = server.put('/m.gguf', content(1000));
    let asked = 0;
    server.on.set('/m.gguf', (_, response) => {
      asked += 1;
      if (asked === 2) server.on.delete('/m.gguf');
      response.writeHead(asked === 1 ? 503 : 429, { 'retry-after': '0' }).end();
    });
    const { ask } = node({ https: [server.url], attempts: 3, backoffSeconds: 100 });
    expect((await ask(source)).bytes).toBe(1000);
  });
});

describe('nothing is left of what is refused', () => {
  test('another digest than the one asked for', async () => {
    const server = await new FileServer().start();
    const source = server.put('/m.gguf', content(5000));
    const { ask, left } = node({ https: [server.url] });
    const wrong = `sha256:${'0'.repeat(64)}`;
    for (const failed of [
      await refused(ask(source, { digest: wrong })),
      await refused(ask(`${source}#${wrong.replace(':', '=')}`)),
    ]) {
      expect(failed).toMatchObject({ code: 'digest-mismatch', message: expect.stringContaining(wrong) });
    }
    expect(left()).toEqual([]);
    const twice = await refused(
      ask(`${source}#${wrong.replace(':', '=')}`, { digest: sha256(content(5000)) }),
    );
    expect(twice.message).toMatch(/asks for one digest and/);
  });

  const page: RequestListener = (_, response) => response.end('<!DOCTYPE html><title>Log in</title>');
  const status =
    (code: number): RequestListener =>
    (_, response) =>
      response.writeHead(code).end();
  const redirect =
    (to: string): RequestListener =>
    (_, response) =>
      response.writeHead(302, { location: to }).end();
  test.each<[string, RequestListener, Failure['code'], RegExp]>([
    ['404', status(404), 'model-missing', /has no http.*\(404\)/],
    ['403', status(403), 'source-not-allowed', /does not give .*\(403\)/],
    ['418', status(418), 'model-missing', /answers 418/],
    ['500', status(500), 'fetch-failed', /in 2 attempts: 127\.0\.0\.1:\d+ answers 500/],
    ['a page for people', page, 'model-unreadable', /begins with "<!DOCTYPE ht"/],
    [
      'a redirect to elsewhere',
      redirect('http://localhost:1/m.gguf'),
      'source-not-allowed',
      /redirects to http:\/\/localhost:1/,
    ],
    ['a redirect to nothing', redirect('https://'), 'model-missing', /no address/],
    ['a redirect in a circle', redirect('/m.gguf'), 'model-missing', /more than 5 times/],
    [
      'a compressed file',
      (_, r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      'model-missing',
      /as gzip/,
    ],
    [
      'a part nobody asked for',
      (_, r) => r.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('GGUFx'),
      'model-missing',
      /another part/,
    ],
    [
      'more than may come',
      (_, r) => r.writeHead(200, { 'content-length': 2e9 }).end(),
      'disk-full',
      /2000000000 bytes/,
    ],
  ])('%s', async (_, listener, code, why) => {
    const server = await new FileServer().start();
    const source = server.put('/m.gguf', content(10));
    server.on.set('/m.gguf', listener);
    const { ask, left } = node({ https: [server.url] });
    const failed = await refused(ask(source));
    expect(failed).toMatchObject({ code, message: expect.stringMatching(why) });
    expect(left().filter((name) => name.endsWith('.gguf'))).toEqual([]);
  });

  test('more than may come, when the server does not say so', async () => {
    const server = await new FileServer().start();
    const source = server.put('/m.gguf', content(10));
    server.on.set('/m.gguf', (_, response) => {
      response.writeHead(200);
      response.write(content(3000));
      response.end(content(3000));
    });
    const { ask } = node({ https: [server.url] }, 5000);
    expect(await refused(ask(source))).toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/more than 5000 bytes/),
    });
  });

  test('a server that says nothing, and one that trickles', async () => {
    const server = await new FileServer().start();
    const { ask } = node({ https: [server.url], stallSeconds: 0.2, attempts: 1 });
    server.on.set('/mute.gguf', () => {});
    expect((await refused(ask(`${server.url}mute.gguf`))).message).toMatch(/sent nothing for 0.2 s/);
    const slow = server.put('/slow.gguf', content(1000));
    server.pace = { bytes: 10, milliseconds: 50 };
    expect((await refused(ask(slow))).message).toMatch(/sent \d+ bytes in 0.2 s/);
  });

  test('a server that ends each connection after some bytes', async () => {
    const server = await new FileServer().start();
    const { ask } = node({ https: [server.url] });
    const source = server.put('/m.gguf', content(1000), '"v1"');
    server.cuts = Array.from({ length: 200 }, () => 10);
    expect(await refused(ask(source))).toMatchObject({
      code: 'fetch-failed',
      message: expect.stringMatching(/in 2 attempts/),
    });
    expect(server.seen).toHaveLength(2);
  });

  test('a hub that trickles, or lists without end', async () => {
    const { api, sources } = await hub({});
    const asker = (stallSeconds: number) => node({ ...sources, stallSeconds, attempts: 1 }).ask;
    const listing = '/api/models/o/r/tree/main';
    api.on.set(listing, (_, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    expect((await refused(asker(0.2)('hf:o/r'))).message).toMatch(/sent \d+ bytes in 0.2 s/);
    const entry = JSON.stringify({ type: 'directory', path: 'x'.repeat(2 ** 20) });
    api.on.set(listing, (_, response) =>
      response.writeHead(200, { link: `<${api.url.slice(0, -1)}${listing}>; rel="next"` }).end(`[${entry}]`),
    );
    expect((await refused(asker(30)('hf:o/r'))).message).toMatch(/lists files in more than 16777216 bytes/);
    expect(api.seen.length).toBeLessThan(20);
  });

  test('a server that is not there', async () => {
    const { ask } = node({ https: ['http://127.0.0.1:9/'], attempts: 1 });
    const failed = await refused(ask('http://127.0.0.1:9/m.gguf'));
    expect(failed).toMatchObject({
      code: 'fetch-failed',
      message: expect.stringMatching(/in one attempt: the connection to 127.0.0.1:9 failed/),
    });
  });
});

describe.skipIf(!hasOpenssl)('over TLS (needs openssl)', () => {
  test('an authority that is not named is not trusted, one that is, is', async () => {
    const authority = new Authority(temporaryFolder());
    const server = await new FileServer(authority.issue('server')).start();
    const source = server.put('/m.gguf', content(1000));
    const failed = await refused(node({ https: [server.url] }).ask(source));
    expect(failed).toMatchObject({ code: 'source-not-allowed', hint: expect.stringMatching(/sources\.ca/) });
    expect((await node({ https: [server.url], ca: authority.caFile }).ask(source)).bytes).toBe(1000);
  });
});

describe('a hub', () => {
  const [q4, q8] = [content(40_000), content(60_000, 2)];

  test('gives the file of a quantization; its own digest is checked; the token stays with it', async () => {
    const { api, store, sources } = await hub({ 'm-Q4_K_M.gguf': q4, 'm-Q8_0.gguf': q8 });
    const { ask } = node(sources);
    store.cuts = [25_000];
    expect(await ask('hf:o/r:q8_0')).toMatchObject({
      digest: sha256(q8),
      address: `${api.url}o/r/resolve/main/m-Q8_0.gguf`,
    });
    expect(store.seen.map(({ range }) => range)).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/)]);
    expect(new Set(api.seen.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer secret']));
    expect(store.seen.every(({ authorization }) => authorization === undefined)).toBe(true);

    store.put('/stored/m-Q4_K_M.gguf', content(40_000, 3));
    expect(await refused(ask('hf:o/r:Q4_K_M'))).toMatchObject({ code: 'digest-mismatch' });
  });

  test('refuses in words what it does not have, and what cannot be meant', async () => {
    const { api, sources } = await hub({ 'm-Q4_K_M.gguf': q4, 'm-Q8_0.gguf': q8 });
    const { ask } = node(sources);
    expect((await refused(ask('hf:o/r'))).message).toBe('o/r may be any of 2 files');
    expect((await refused(ask('hf:o/none:Q4_0'))).message).toMatch(/has no o\/none \(404\)/);
    api.on.set('/api/models/o/r/tree/main', (_, response) => response.end('<html>'));
    expect((await refused(ask('hf:o/r:Q8_0'))).message).toMatch(/does not list files as a hub does/);
    api.on.set('/api/models/o/r/tree/main', (_, response) => response.writeHead(401).end());
    expect(await refused(ask('hf:o/r:Q8_0'))).toMatchObject({ hint: expect.stringMatching(/hfTokenFile/) });
    const elsewhere = node({ ...sources, hfRedirects: ['*.hf.co'] });
    api.on.clear();
    api.on.set('/api/models/o/r/tree/main', (_, r) => r.end('[{"type":"file","path":"m.gguf","size":4}]'));
    api.on.set('/o/r/resolve/main/m.gguf', (_, r) =>
      r.writeHead(302, { location: 'http://127.0.0.2/m' }).end(),
    );
    expect(await refused(elsewhere.ask('hf:o/r'))).toMatchObject({
      code: 'source-not-allowed',
      hint: expect.stringMatching(/hfRedirects/),
    });
  });
});

describe('a model', () => {
  const tiny = readFileSync(join(builtinFolder(), 'tiny-f16.gguf'));

  test('is known by its header before it is fetched', async () => {
    const { store, sources } = await hub({ 'tiny.gguf': tiny });
    const reading = sound(readRemote('hf:o/r'));
    const { policy } = node(sources);
    const asking = { kind: 'hub', policy, signal: new AbortController().signal } as const;
    const { facts, digest } = await peek('hf:o/r', reading.remote, asking);
    expect(digest).toBe(sha256(tiny));
    expect(facts).toMatchObject({ format: 'gguf', bytes: tiny.length, layers: 4 });
    expect(store.seen.map(({ range }) => range)).toEqual(['bytes=0-1048575']);
  });

  test('of another place is opened like one of this', async () => {
    const server = await new FileServer().start();
    const source = server.put('/tiny.gguf', tiny);
    const { cacheFolder, policy } = node({ https: [server.url] });
    const settings = { modelFolders: [], cacheFolder, sources: { policy, artifactBytes: 1e9 } };
    const model = await resolveModel(source, settings, { launcher: fetching });
    expect(model).toMatchObject({ digest: sha256(tiny), fetchedFrom: source, facts: { layers: 4 } });
    const bare = await refused(resolveModel(source, { modelFolders: [], cacheFolder: temporaryFolder() }));
    expect(bare).toMatchObject({
      code: 'source-not-allowed',
      hint: expect.stringMatching(/sources: \{ https:/),
    });
  });

  test('goes on after its process was killed, in another process', async () => {
    const server = await new FileServer().start();
    const source = server.put('/tiny.gguf', tiny, '"tiny"');
    server.pace = { bytes: 64_000, milliseconds: 20 };
    const { ask, left, cacheFolder } = node({ https: [server.url], stallSeconds: 20 });
    const killed: Launcher = (request) => {
      const child = launch({
        ...request,
        onMessage: (message) => {
          if (message.type !== 'fetched') return;
          if ((message as unknown as FetchReport).doneBytes < tiny.length) process.kill(child.pid, 'SIGKILL');
        },
      });
      return child;
    };
    expect((await refused(ask(source, { launcher: killed }))).code).toMatch(/crashed|out-of-memory/);
    expect(left()).toEqual(['F.gguf.part', 'F.gguf.part.json']);
    const part = readdirSync(join(cacheFolder, 'artifacts')).find((name) => name.endsWith('.part'))!;
    const { size } = statSync(join(cacheFolder, 'artifacts', part));
    server.pace = null;
    const { path, digest } = await ask(source, { launcher: launch });
    expect(digest).toBe(sha256(tiny));
    expect(server.seen.at(-1)).toMatchObject({ range: `bytes=${size}-`, ifRange: '"tiny"' });
    expect(existsSync(`${path}.part`)).toBe(false);
  });

  test('that is stopped keeps what has come', async () => {
    const server = await new FileServer().start();
    const source = server.put('/tiny.gguf', tiny);
    server.pace = { bytes: 64_000, milliseconds: 20 };
    const { ask, left } = node({ https: [server.url], stallSeconds: 20 });
    const stopped: Launcher = (request) => {
      const child = launch({ ...request, onMessage: () => child.stop('enough') });
      return child;
    };
    expect(await refused(ask(source, { launcher: stopped }))).toMatchObject({
      code: 'cancelled',
      message: expect.stringMatching(/enough/),
    });
    expect(left().filter((name) => name.endsWith('.gguf'))).toEqual([]);
  });
});
