import { mkdtempSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderBodies } from '../../../coordinator/bodies/folder.js';
import { Incoming } from '../../../coordinator/bodies/incoming.js';
import { withBodies } from '../../../coordinator/bodies/log-with-bodies.js';
import { brokenBodies, unreferred } from '../../../coordinator/bodies/referred.js';
import { type BodyStore, hexOf, KEPT_SECONDS } from '../../../coordinator/bodies/store.js';
import { BodyUsage } from '../../../coordinator/bodies/usage.js';
import type { Detail, LogEntry } from '../../../coordinator/log/log.js';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { SqliteLog } from '../../../coordinator/log/sqlite.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { sharedFolder } from '../../support/folder.js';
import { ridgeHere } from '../../support/ridge-here.js';
import { s3ForEach } from '../../support/s3-server.js';
import { logContract } from './log.contract.js';
import { measured } from './log-facts.js';

const folder = sharedFolder();
let folders = 0;
const fresh = (): string => join(folder, String(folders++));
const LIMITS = { maxBytes: 1e9, most: 9 };
const RAW_BYTES = 50;

const keptIn = (store: BodyStore) => ({ store, incoming: new Incoming(store, fresh(), LIMITS) });
const ignored = { rawBytes: RAW_BYTES, warn: () => undefined };

logContract('a log with its raw samples elsewhere', async () => {
  const path = fresh();
  return withBodies(new SqliteLog(path), { bodies: keptIn(folderBodies(fresh())), ...ignored });
});

const { bucket } = s3ForEach();

/** The first entry that comes. */
async function first(log: MemoryLog | ReturnType<typeof withBodies>, detail: Detail): Promise<LogEntry> {
  for await (const entry of log.read(0, detail)) return entry as LogEntry;
  throw new Error('there is none');
}
const large = measured('t1');
/** Files that a store holds, oldest name first. */
async function filesOf(store: BodyStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { hex } of store.list()) found.push(hex);
  return found.sort();
}

describe.each([
  ['a folder', () => folderBodies(fresh())],
  ['a bucket', () => bucket()],
])('raw samples in %s', (_, make) => {
  test('are read back as they were, and the log holds none of them', async () => {
    const store = make();
    const inner = new MemoryLog();
    const log = withBodies(inner, { bodies: keptIn(store), ...ignored });
    await log.append([{ ...large, json: JSON.stringify(large.record) }], 0);
    const stored = await first(inner, 'full');
    expect(stored.recordJson).not.toContain('"watts"');
    expect(stored.fact).toMatchObject({ record: { samples: [], phases: [] } });
    expect((await first(log, 'full')).fact).toEqual(large);
    expect(JSON.parse((await first(log, 'row')).recordJson!)).not.toHaveProperty('rawBody');
    const file = await filesOf(store);
    expect(file).toHaveLength(1);
    expect((await store.statOf(file[0]!))?.bytes).toBeGreaterThan(100);
    // Without the store it is said what is missing.
    await expect(first(withBodies(inner, { bodies: null, ...ignored }), 'full')).rejects.toThrow(
      /^The raw samples of t1 \(sha256:.*\) are in a store that is not known here\.$/,
    );
    await store.remove(file[0]!);
    await expect(first(log, 'full')).rejects.toThrow(/where they are missing or damaged/);
    const broken = [];
    for await (const one of brokenBodies(inner, store)) broken.push(one);
    expect(broken).toMatchObject([{ kind: 'missing', raw: true, trialId: 't1', position: 1 }]);
  });

  test('of small results stay in the log', async () => {
    const store = make();
    const log = withBodies(new MemoryLog(), { bodies: keptIn(store), rawBytes: 1e6, warn: () => undefined });
    await log.append([large], 0);
    expect([await filesOf(store), (await first(log, 'full')).fact]).toEqual([[], large]);
  });

  test('what nothing refers to is found once it is an hour old', async () => {
    const store = make();
    const { incoming } = keptIn(store);
    const log = new MemoryLog();
    await withBodies(log, { bodies: { store, incoming }, ...ignored }).append([large], 0);
    const lost = await Promise.all(['a', 'b', 'c', 'd'].map((text) => incoming.keep(Buffer.from(text))));
    const later = Date.now() + 1000 * KEPT_SECONDS + 2000;
    expect(await unreferred([log], store, Date.now())).toEqual([]);
    const found = await unreferred([log], store, later);
    expect(found.map(({ hex }) => `sha256:${hex}`).sort()).toEqual(lost.sort());
    expect(found.map(({ bytes }) => bytes)).toEqual([1, 1, 1, 1]);
    expect(await store.has(hexOf(lost[0]!)!)).toBe(true);
  });
});

test('a store that takes nothing costs no result: raw samples stay in the log, and that is said once', async () => {
  const warnings: string[] = [];
  const bodies = keptIn(folderBodies(fresh()));
  const full = {
    ...bodies.store,
    has: async () => false,
    put: () => Promise.reject(new Error('it is full')),
  };
  const log = withBodies(new MemoryLog(), {
    bodies: keptIn(full),
    rawBytes: RAW_BYTES,
    warn: (sentence) => warnings.push(sentence),
  });
  await log.append([large, measured('t2')], 0);
  expect((await first(log, 'full')).fact).toEqual(large);
  expect(warnings).toEqual(['raw samples stay in the log: it is full']);
});

test('`ridge log verify` and `ridge log bodies` look at the files beside the log', async () => {
  const home = mkdtempSync(join(folder, 'home-'));
  const path = join(home, 'coordinator.sqlite');
  const bodies = join(home, 'bodies');
  const inner = new SqliteLog(path);
  const { incoming, store } = keptIn(folderBodies(bodies));
  await withBodies(inner, { bodies: { incoming, store }, ...ignored }).append([large], 0);
  await inner.close();
  const [raw] = await filesOf(store);
  const lost = hexOf(await incoming.keep(Buffer.from('nobody')))!;
  const fileOf = (hex: string) => join(bodies, hex.slice(0, 2), hex);
  const before = new Date(Date.now() - 2000 * KEPT_SECONDS);
  for (const hex of [raw!, lost]) utimesSync(fileOf(hex), before, before);
  const said = async (...words: string[]) => {
    const { code, stdout } = await ridgeHere(['log', ...words]);
    return [code, stdout];
  };
  expect(await said('verify', path)).toEqual([0, '1 entry, and nothing is wrong.\n']);
  const list = `sha256:${lost}  6 bytes\nA file of 6 bytes`;
  expect(await said('bodies', path)).toEqual([0, `${list} could be removed from the folder ${bodies}.\n`]);
  expect(await said('bodies', path, '--delete')).toEqual([0, `${list} removed from the folder ${bodies}.\n`]);
  expect(await filesOf(store)).toEqual([raw]);
  writeFileSync(fileOf(raw!), 'something else');
  expect(await said('verify', path)).toEqual([
    1,
    `Entry 1 has raw samples in sha256:${raw} of the folder ${bodies}, which is not what was put there.\n1 entry, and something is wrong at one place.\n`,
  ]);
});

test('a namespace has a quota of what it brings', async () => {
  const { incoming, store } = keptIn(folderBodies(fresh()));
  const digest = await incoming.keep(Buffer.alloc(100));
  const of = (sweep: string) =>
    ({ quality: { answers: [{ digest }] }, sweep: { id: sweep } }) as unknown as ResultRecord;
  const usage = new BodyUsage(
    store,
    (sweep) => sweep,
    (namespace) => (namespace === 'lab' ? 100 : null),
  );
  expect(usage.refusal('lab')).toBeNull();
  await usage.count(of('shop'));
  await usage.count(of('lab'));
  await usage.count(of('lab'));
  expect([usage.refusal('shop'), usage.refusal('lab')]).toEqual([
    null,
    'The namespace "lab" has brought 100 bytes of answers and calls, which is its quota (`bodyBytes`).',
  ]);
});
