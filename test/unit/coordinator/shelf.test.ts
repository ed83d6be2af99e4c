import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SharedArtifacts, type SharingNeeds } from '../../../agent/artifacts.js';
import { Claims } from '../../../coordinator/artifacts/claims.js';
import { Shelf } from '../../../coordinator/artifacts/shelf.js';
import { WireError } from '../../../proto/errors.js';
import { BODY_PIECE_BYTES } from '../../../proto/limits.js';
import { sharedFolder } from '../../support/folder.js';

const folder = sharedFolder();
let folders = 0;
const fresh = (): string => join(folder, String(folders++));

const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;
const fileOf = (content: Buffer) => ({
  path: '',
  digest: digestOf(content),
  bytes: content.length,
  report: false,
});
const artifactOf = (...contents: Buffer[]) => ({ files: contents.map(fileOf), noteJson: '{}', madeOn: 'a' });

async function put(shelf: Shelf, key: string, ...contents: Buffer[]): Promise<void> {
  for (const content of contents)
    await shelf.take(key, 'a', { ...fileOf(content), offset: 0, piece: content });
  await shelf.offer(key, artifactOf(...contents));
}

describe('the shelf', () => {
  const open = (path: string, more: object = {}, now = () => 0) =>
    Shelf.open({ path, maxBytes: 1000, keepFreeBytes: 0, ...more }, now);

  test('holds so many bytes: the longest unused go, and what two have in common stays with one of them', async () => {
    const path = fresh();
    const shelf = await open(path);
    const [a, b, c, shared] = [randomBytes(300), randomBytes(300), randomBytes(300), randomBytes(100)];
    await put(shelf, 'lab a', a, shared);
    await put(shelf, 'lab b', b, shared);
    expect(shelf.find('lab a')).not.toBeNull();
    await put(shelf, 'lab c', c);
    expect(['lab a', 'lab b', 'lab c'].map((key) => shelf.find(key) !== null)).toEqual([true, true, true]);
    await put(shelf, 'lab d', randomBytes(200));
    expect(['lab a', 'lab b', 'lab c', 'lab d'].map((key) => shelf.find(key) !== null)).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(readdirSync(join(path, 'files'))).toHaveLength(4);
    expect(shelf.open('lab a', digestOf(shared), 0)).toBeNull();
    expect(shelf.open('lab c', digestOf(shared), 0)).toBeNull();
    expect(shelf.open('lab b', digestOf(shared), 0)).not.toBeNull();
    await expect(
      shelf.take('lab x', 'a', { digest: digestOf(a), bytes: 1001, offset: 0, piece: a }),
    ).rejects.toThrow('There is no room for 1001 bytes');
  });

  test('counts what has come: one byte that is said to be the first of very many makes nobody go', async () => {
    const shelf = await open(fresh());
    await put(shelf, 'lab a', randomBytes(900));
    const first = { digest: digestOf(randomBytes(9)), bytes: 1000, offset: 0, piece: randomBytes(1) };
    expect(await shelf.take('rogue x', 'rogue', first)).toEqual({ kept: false, received: 1 });
    expect(shelf.find('lab a')).not.toBeNull();
    await put(shelf, 'lab b', randomBytes(99));
    expect(shelf.find('lab a')).not.toBeNull();
    // What goes on coming counts.
    await expect(put(shelf, 'lab c', randomBytes(1000))).rejects.toThrow('no room');
  });

  test('keeps what comes while others make room', async () => {
    const shelf = await open(fresh());
    for (let n = 0; n < 10; n += 1) await put(shelf, `lab old-${n}`, randomBytes(100));
    const keys = Array.from({ length: 10 }, (_, n) => `lab new-${n}`);
    await Promise.all(keys.map((key) => put(shelf, key, randomBytes(60))));
    expect(keys.filter((key) => shelf.find(key) === null)).toEqual([]);
  });

  test('takes room from the namespace that has most: nobody loses what is within an equal share', async () => {
    const shelf = await open(fresh());
    for (const name of ['a', 'b', 'c']) await put(shelf, `lab ${name}`, randomBytes(100));
    for (let n = 0; n < 20; n += 1) await put(shelf, `rogue ${n}`, randomBytes(150));
    expect(['lab a', 'lab b', 'lab c'].map((key) => shelf.find(key) !== null)).toEqual([true, true, true]);
    expect(shelf.find('rogue 19')).not.toBeNull();
    // What was begun and is never offered goes as well.
    for (let n = 0; n < 20; n += 1) {
      const piece = randomBytes(150);
      await shelf
        .take('rogue x', 'rogue', { digest: digestOf(piece), bytes: 150, offset: 0, piece })
        .catch(() => {});
    }
    for (const name of ['d', 'e']) await put(shelf, `lab ${name}`, randomBytes(100));
    expect(['a', 'b', 'c', 'd', 'e'].every((name) => shelf.find(`lab ${name}`) !== null)).toBe(true);
  });

  test('forgets of files on their way the oldest of the caller that has most', async () => {
    const shelf = await open(fresh(), { maxBytes: 1e6 });
    const content = randomBytes(200);
    const [begin, rest] = [content.subarray(0, 100), content.subarray(100)];
    await shelf.take('lab a', 'honest', { ...fileOf(content), offset: 0, piece: begin });
    for (let n = 0; n < 70; n += 1) {
      const first = { digest: digestOf(Buffer.from(`${n}`)), bytes: 1000, offset: 0, piece: randomBytes(1) };
      await shelf.take('rogue x', 'rogue', first);
    }
    const end = { ...fileOf(content), offset: 100, piece: rest };
    expect(await shelf.take('lab a', 'honest', end)).toEqual({ kept: true, received: 200 });
  });

  test('says in a sentence that its folder cannot be used', async () => {
    const path = fresh();
    writeFileSync(path, 'a file');
    await expect(open(path)).rejects.toThrow(/^The folder of artifacts .* cannot be used: /);
  });

  test('leaves the disk what it is told to', async () => {
    const shelf = await open(fresh(), { keepFreeBytes: 1e18 });
    await expect(put(shelf, 'lab a', randomBytes(10))).rejects.toThrow('no room');
  });

  test('gives up what nobody went on bringing', async () => {
    let now = 0;
    const path = fresh();
    const shelf = await open(path, {}, () => now);
    const never = randomBytes(900);
    await shelf.take('lab x', 'a', { digest: digestOf(never), bytes: 1000, offset: 0, piece: never });
    await expect(put(shelf, 'lab a', randomBytes(300))).rejects.toThrow('no room');
    now = 3600;
    await put(shelf, 'lab a', randomBytes(300));
    expect(readdirSync(join(path, 'incoming'))).toEqual([]);
  });

  test('takes no artifact whose files are not there, and none that is not what its digests say', async () => {
    const shelf = await open(fresh());
    const content = randomBytes(100);
    await expect(shelf.offer('lab a', artifactOf(content))).rejects.toThrow('was not brought');
    await expect(shelf.offer('lab a', artifactOf())).rejects.toThrow('An artifact of 0 files');
    const outside = { ...artifactOf(content), files: [{ ...fileOf(content), digest: 'sha256:../../x' }] };
    await expect(shelf.offer('lab a', outside)).rejects.toThrow('was not brought');
    await expect(
      shelf.take('lab x', 'a', { ...fileOf(content), offset: 0, piece: randomBytes(100) }),
    ).rejects.toThrow('is something else');
    expect(shelf.find('lab a')).toBeNull();
  });

  test('is read again after a restart, without what is not whole', async () => {
    const path = fresh();
    const before = await open(path);
    const [a, b, stray] = [randomBytes(100), randomBytes(200), randomBytes(50)];
    await put(before, 'lab a', a);
    await put(before, 'lab b', b);
    await before.take('lab x', 'a', { ...fileOf(stray), offset: 0, piece: stray });
    truncateSync(join(path, 'files', digestOf(b).slice(7)), 10);
    writeFileSync(join(path, 'index', 'torn.draft'), '{"key":');
    const after = await open(path);
    expect(after.find('lab a')).toEqual(artifactOf(a));
    expect(after.find('lab b')).toBeNull();
    expect(readdirSync(join(path, 'files'))).toEqual([digestOf(a).slice(7)]);
    expect(readdirSync(join(path, 'index'))).toHaveLength(1);
  });
});

test('a claim is its maker’s until that is silent for 20 s; what is kept back is claimed by nobody', () => {
  const claims = new Claims();
  expect(claims.claim('k', 'a', 0)).toBeNull();
  expect(claims.claim('k', 'b', 15)).toBe('a');
  expect(claims.claim('k', 'a', 15)).toBeNull();
  expect(claims.claim('k', 'b', 30)).toBe('a');
  expect(claims.claim('k', 'b', 36)).toBeNull();
  expect([claims.isHeldBy('k', 'a'), claims.isHeldBy('k', 'b')]).toEqual([false, true]);
  claims.keepBack('k');
  expect([claims.claim('k', 'a', 37), claims.claim('k', 'b', 37)]).toEqual([null, null]);
  expect([claims.isHeldBy('k', 'a'), claims.isKeptBack('k')]).toEqual([false, true]);
});

describe('a transfer', () => {
  const content = randomBytes(3 * BODY_PIECE_BYTES + 5);
  const name = '0123456789abcdef01234567';
  const away = () => new WireError('unavailable', 'the connection broke');

  /** A node whose connection breaks after each piece. */
  function node(connection: Partial<SharingNeeds['connection']>, bytesPerSecond = 1e12) {
    const cacheFolder = mkdtempSync(join(folder, 'cache-'));
    const settings = { bytesPerSecond, waitSeconds: 1 };
    const needs = {
      connection: connection as SharingNeeds['connection'],
      settings,
      cacheFolder,
      log: () => {},
    };
    const exchange = new SharedArtifacts({ ...needs, firstWaitSeconds: 0.01 }).exchangeOf('t', () => {});
    return { exchange, cacheFolder };
  }

  test('that comes goes on where it broke, within the rate, and is checked as a whole', async () => {
    const asked: number[] = [];
    const { exchange, cacheFolder } = node(
      {
        claimArtifact: async () => ({ artifact: artifactOf(content), maker: '', wanted: false }),
        async *getArtifact({ offset }) {
          asked.push(offset);
          yield { piece: content.subarray(offset, offset + BODY_PIECE_BYTES) };
          if (offset + BODY_PIECE_BYTES < content.length) throw away();
        },
      },
      30e6,
    );
    const began = performance.now();
    const offer = await exchange.find(name);
    const to = join(cacheFolder, 'x');
    await offer!.get(to, join(cacheFolder, 'report'));
    expect(asked).toEqual([0, 1, 2, 3].map((n) => n * BODY_PIECE_BYTES));
    expect(performance.now() - began).toBeGreaterThan((1000 * content.length) / 30e6 - 2);
    expect(readFileSync(to).equals(content)).toBe(true);
    expect(existsSync(join(cacheFolder, 'report'))).toBe(false);
  });

  test('that is brought goes on where it broke', async () => {
    const received: Buffer[] = [];
    let offered: unknown = null;
    const { exchange, cacheFolder } = node({
      claimArtifact: async () => ({ artifact: undefined, maker: '', wanted: true }),
      async putArtifact({ offset, piece, bytes }) {
        const before = Buffer.concat(received).length;
        if (offset !== before) return { kept: false, received: before };
        received.push(Buffer.from(piece));
        if (before + piece.length === bytes) return { kept: true, received: bytes };
        throw away();
      },
      async offerArtifact({ artifact }) {
        offered = artifact;
        return {};
      },
    });
    const path = join(cacheFolder, 'made');
    writeFileSync(path, content);
    const note = {
      digest: digestOf(content),
      bytes: content.length,
      recipe: 'q',
      base: 'b',
      warnings: [],
      steps: [],
    };
    await exchange.made(name, { path, ...note, makeSeconds: 60 });
    expect(Buffer.concat(received).equals(content)).toBe(true);
    expect(offered).toEqual({ files: [fileOf(content)], noteJson: JSON.stringify(note), madeOn: '' });
  });
});
