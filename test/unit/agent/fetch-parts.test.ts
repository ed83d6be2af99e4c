import { readdirSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeRoom } from '../../../artifacts/files/eviction.js';
import { Pins } from '../../../artifacts/files/pins.js';
import { peek } from '../../../artifacts/files/remote/peek.js';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { partPaths } from '../../../core/models/parts.js';
import { readRemote } from '../../../core/models/remote.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { formatOf } from '../../../formats/index.js';
import { joinDigests } from '../../../process/digest.js';
import { fetching, node, refused, sha256 } from '../../support/fetching.js';
import { FileServer } from '../../support/file-server.js';
import { temporaryFolder } from '../../support/folder.js';
import { hub } from '../../support/hub.js';
import { tinyLlama, writeFolder } from '../../support/model-folder.js';
import { sound } from '../../support/reading.js';
import { splitGguf } from '../../support/split-gguf.js';

describe('a model in parts', () => {
  const tiny = join(builtinFolder(), 'tiny-f16.gguf');

  /** A hub that has the parts, and what they are together. */
  async function inParts(count: number) {
    const paths = await splitGguf(tiny, temporaryFolder(), count);
    const files = paths.map((path) => readFileSync(path));
    const named = Object.fromEntries(paths.map((path, i) => [`f16/${basename(path)}`, files[i]!]));
    const digest = joinDigests(files.map(sha256));
    const bytes = files.reduce((sum, { length }) => sum + length, 0);
    return { ...(await hub(named)), paths, files, digest, bytes };
  }

  test('is known by the headers of all, fetched part by part, and opened by the first', async () => {
    const { sources, store, paths, files, digest, bytes } = await inParts(3);
    const reading = sound(readRemote('hf:o/r:f16'));
    const { ask, left, cacheFolder, policy } = node(sources);
    const looked = await peek('hf:o/r:f16', reading.remote, {
      kind: 'hub',
      policy,
      signal: new AbortController().signal,
    });
    expect(looked).toMatchObject({ digest, facts: { layers: 4, bytes } });
    store.seen.length = 0;
    const seen: [number, number | null][] = [];
    const fetched = await ask('hf:o/r:f16', { onProgress: (...one) => seen.push(one) });
    expect(fetched).toMatchObject({ digest, bytes, path: expect.stringMatching(/-00001-of-00003\.gguf$/) });
    expect(seen.at(-1)).toEqual([bytes, bytes]);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
    expect(left().filter((name) => !name.endsWith('.json'))).toEqual(
      paths.map((path) => basename(path).replace('tiny-f16', 'F')),
    );
    expect(store.seen).toHaveLength(3);
    const settings = { modelFolders: [], cacheFolder, sources: { policy, artifactBytes: 1e9 } };
    const model = await resolveModel('hf:o/r:f16', settings, { launcher: fetching, digest });
    expect(model).toMatchObject({ path: fetched.path, digest, facts: { layers: 4, bytes } });
    expect(readGgufHeader(fetched.path).tensors).toHaveLength(readGgufHeader(tiny).tensors.length);
    expect(readFileSync(partPaths(fetched.path)[2]!).equals(files[2]!)).toBe(true);
    expect(store.seen).toHaveLength(3);
  });

  test('goes on with the part that broke off: those before it are not fetched again', async () => {
    const { sources, store, files, digest } = await inParts(3);
    const half = Math.floor(files[1]!.length / 2);
    store.cuts = [files[0]!.length + 1, half, half];
    const { ask, left } = node({ ...sources, attempts: 1 });
    expect((await refused(ask('hf:o/r:f16'))).code).toBe('fetch-failed');
    expect(left().filter((name) => !name.endsWith('.json'))).toEqual([
      'F-00001-of-00003.gguf',
      'F-00002-of-00003.gguf.part',
    ]);
    store.seen.length = 0;
    store.cuts = [];
    expect((await ask('hf:o/r:f16')).digest).toBe(digest);
    expect(store.seen.map(({ path, range }) => [path.slice(-21, -5), range])).toEqual([
      ['6-00002-of-00003', expect.stringMatching(/^bytes=\d+-$/)],
      ['6-00003-of-00003', undefined],
    ]);
  });

  test('of another digest, or larger than the node allows, is refused as one', async () => {
    const { sources, bytes, digest } = await inParts(2);
    const other = `sha256:${'0'.repeat(64)}`;
    expect(await refused(node(sources).ask('hf:o/r:f16', { digest: other }))).toMatchObject({
      code: 'digest-mismatch',
      message: `hf:o/r:f16 is ${digest} on the hub, and should be ${other}`,
    });
    expect(await refused(node({ ...sources, maxBytes: bytes - 1 }).ask('hf:o/r:f16'))).toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining(`has ${bytes} bytes`),
    });
  });

  test('stays in the cache as a whole while a trial uses it, and goes as a whole', async () => {
    const { sources, bytes } = await inParts(3);
    const { ask, left, cacheFolder } = node(sources);
    const uses = new Pins();
    await ask('hf:o/r:f16', { uses });
    const folder = join(cacheFolder, 'artifacts');
    await makeRoom(folder, { limitBytes: bytes - 1 });
    expect(left().filter((name) => name.endsWith('.gguf'))).toHaveLength(3);
    await uses.release();
    await makeRoom(folder, { limitBytes: bytes - 1 });
    expect(left()).toEqual([]);
  });

  test('on a web server is found by the names of its parts', async () => {
    const { files, paths, digest } = await inParts(2);
    const server = await new FileServer().start();
    const [source] = paths.map((path, i) => server.put(`/${basename(path)}`, files[i]!));
    const { ask } = node({ https: [server.url] });
    expect((await ask(source!, { digest })).digest).toBe(digest);
    const wrong = node({ https: [server.url] });
    const other = `sha256:${'0'.repeat(64)}`;
    expect((await refused(wrong.ask(source!, { digest: other }))).code).toBe('digest-mismatch');
    expect(wrong.left()).toEqual([]);
  });
});

describe('a folder of a hub', () => {
  /** The files of a model in two parts, as they lie in a repository beside others. */
  async function repository() {
    const folder = await writeFolder(tinyLlama(), { parts: 2, type: 'bf16' });
    const names = readdirSync(folder);
    const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))]));
    const others = { 'README.md': Buffer.from('# o/r'), 'onnx/model.onnx': Buffer.from('x') };
    const parts = names.filter((name) => name.endsWith('.safetensors')).sort();
    return { folder, names, parts, ...(await hub({ ...files, ...others })) };
  }

  test('comes with its config, its tokenizer and all parts, and is the folder that it is elsewhere', async () => {
    const { folder, names, api, store, sources } = await repository();
    const { ask, left, cacheFolder, policy } = node(sources);
    const seen: number[] = [];
    const fetched = await ask('hf:o/r', { onProgress: (done) => seen.push(done) });
    expect(left()).toEqual(['F.gguf', 'F.gguf.json']);
    for (const name of names)
      expect(readFileSync(join(fetched.path, name)).equals(readFileSync(join(folder, name)))).toBe(true);
    expect(store.seen.map(({ path }) => path).some((path) => path.includes('onnx'))).toBe(false);
    expect(seen.at(-1)).toBe(fetched.bytes);
    const here = { modelFolders: [dirname(folder)], cacheFolder };
    const local = await resolveModel(folder, here);
    expect(fetched.digest).toBe(local.digest);
    // Without its hub, too.
    await Promise.all([api.stop(), store.stop()]);
    const opened = await resolveModel('hf:o/r', { ...here, sources: { policy, artifactBytes: 1e9 } });
    expect(opened).toMatchObject({ path: fetched.path, digest: local.digest, facts: local.facts });
  });

  test('goes on where it was cut off, without the parts that are there', async () => {
    const { parts, store, sources } = await repository();
    const { ask } = node({ ...sources, attempts: 1 });
    // The second part and nothing of the first is cut.
    const cutOff: RequestListener = (_, response) => response.destroy();
    store.on.set(`/stored/${parts[1]}`, cutOff);
    expect((await refused(ask('hf:o/r'))).code).toBe('fetch-failed');
    store.on.delete(`/stored/${parts[1]}`);
    const before = store.seen.length;
    await ask('hf:o/r');
    const again = store.seen.slice(before).map(({ path }) => path);
    expect(again).toContain(`/stored/${parts[1]}`);
    expect(again).not.toContain(`/stored/${parts[0]}`);
  });

  test('is looked at by its config and the headers of its parts', async () => {
    const { folder, store, sources } = await repository();
    const { policy } = node(sources);
    const asking = { kind: 'hub', policy, signal: new AbortController().signal } as const;
    const reading = sound(readRemote('hf:o/r'));
    const { facts, digest } = await peek('hf:o/r', reading.remote, asking);
    expect(facts).toEqual(formatOf(folder).inspect(folder).facts);
    expect(digest).toBeNull();
    expect(store.seen.map(({ path }) => path)).not.toContain('/stored/tokenizer.json');
  });

  test('of another content than the hub says is refused, and makes room as one', async () => {
    const { parts, store, sources } = await repository();
    const { ask, left, cacheFolder } = node(sources);
    const { content } = store.files.get(`/stored/${parts[0]}`)!;
    const other = Buffer.from(content);
    other[other.length - 1]! ^= 1;
    store.put(`/stored/${parts[0]}`, other);
    expect((await refused(ask('hf:o/r'))).code).toBe('digest-mismatch');
    store.put(`/stored/${parts[0]}`, content);
    await ask('hf:o/r');
    await makeRoom(join(cacheFolder, 'artifacts'), { limitBytes: 1000 });
    expect(left()).toEqual([]);
  });
});
