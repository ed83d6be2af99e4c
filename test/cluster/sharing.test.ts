import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { SharedArtifacts } from '../../agent/artifacts.js';
import { resolveModel } from '../../artifacts/files/resolve.js';
import type { Step } from '../../artifacts/files/step.js';
import { ArtifactStore, reportPath } from '../../artifacts/files/store.js';
import type { Lease } from '../../core/experiment/lease.js';
import { connectAgents, connectControl } from '../../proto/client.js';
import { ArtifactIntent } from '../../proto/gen/ridgepoint/v1/artifacts.js';
import { enter, start } from '../support/coordinator.js';
import { sharedFolder } from '../support/folder.js';
import { doHere } from '../support/launcher.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { bearer, byTokens, serverFiles } from '../support/tls.js';
import { aNode } from '../support/wire-records.js';

/*
 * What one node made of a model, and others get: real gRPC, with a token for each node, real stores, and a
 * maker that writes a file.
 */

const folder = sharedFolder();
const path = (name: string) => join(folder, name);
const NODE = { scopes: ['agent'] } as const;
const RIGHTS = { boss: { scopes: ['admin'] }, one: NODE, two: NODE, three: NODE } as const;
type Who = keyof typeof RIGHTS;
let keys: Awaited<ReturnType<typeof serverFiles>>;
beforeAll(async () => {
  keys = await serverFiles(folder);
});

const security = (who: Who) => bearer(keys.ca, who);
/** Several messages long. */
const CONTENT = randomBytes(2_500_000);
let worlds = 0;

/** A coordinator that keeps artifacts, and its sweep. */
async function world(artifacts: object | null = {}) {
  const shelf = path(`shelf-${worlds++}`);
  const { grpcAddress } = await start({
    security: byTokens(keys, RIGHTS),
    artifacts: artifacts === null ? null : { path: shelf, keepFreeBytes: 0, ...artifacts },
  });
  const submit = async (namespace: string) => {
    const boss = connectControl({ address: grpcAddress, security: security('boss') });
    await boss.submitSweep({ ...submission(fakeSweep(8)), namespace });
    boss.close();
  };
  const files = () => readdirSync(join(shelf, 'files')).map((name) => join(shelf, 'files', name));
  return { grpcAddress, submit, files };
}

/** A node with a cache of its own that has a lease. */
async function node(address: string, who: Who, settings: object = {}) {
  const { agent } = await enter(address, { profile: aNode(who), security: security(who) });
  const lease: Lease = await agent.lease();
  const connection = connectAgents({ address, security: security(who) });
  onTestFinished(() => connection.close());
  const cacheFolder = mkdtempSync(path(`${who}-`));
  const said: string[] = [];
  const shared = new SharedArtifacts({
    connection,
    settings: { bytesPerSecond: 1e12, waitSeconds: 60, ...settings },
    cacheFolder,
    log: (level, sentence) => level !== 'debug' && said.push(sentence),
    askMilliseconds: 20,
  });
  const store = new ArtifactStore({ cacheFolder, artifactBytes: 1e9 });
  return { agent, lease, connection, shared, store, said, cacheFolder };
}

/** A step that notes who carries it out. */
function steps(made: string[], who: string, recipe: string, write: (outputPath: string) => void): Step[] {
  const task = (outputPath: string) => ({ name: 'write', what: recipe, request: { outputPath, who, write } });
  made.length += 0;
  return [
    {
      recipe,
      ingredients: { engine: 'test' },
      bytes: () => CONTENT.length,
      taskFor: async () => task as unknown as Awaited<ReturnType<Step['taskFor']>>,
    },
  ];
}

const asFile = (outputPath: string) => writeFileSync(outputPath, CONTENT);

async function prepare(
  { store, shared, lease }: Awaited<ReturnType<typeof node>>,
  made: string[],
  who: string,
  { recipe = 'q', write = asFile, report = null as object | null } = {},
) {
  const base = await resolveModel('builtin:tiny', { modelFolders: [], cacheFolder: path('models') });
  const launcher = doHere({
    async write({ outputPath }: { outputPath: string }) {
      made.push(who);
      await new Promise((resolve) => setTimeout(resolve, 30));
      write(outputPath);
      return { warnings: ['one tensor fell back'], facts: {}, report };
    },
  });
  const exchange = shared.exchangeOf(lease.trialId, () => {});
  const asked = { base, steps: steps(made, who, recipe, write), cpus: [0], timeLimitSeconds: 60, exchange };
  return await store.prepare(asked, launcher);
}

describe('an artifact', () => {
  test('is made by one of two nodes that want it at a time; the other one waits, and has the same with its note and report', async () => {
    const { grpcAddress, submit } = await world();
    await submit('default');
    const [one, two] = [await node(grpcAddress, 'one'), await node(grpcAddress, 'two')];
    const made: string[] = [];
    const report = { report: { layers: 3 } };
    const [a, b] = await Promise.all([prepare(one, made, 'one', report), prepare(two, made, 'two', report)]);
    expect(made).toHaveLength(1);
    const [maker, getter] = made[0] === 'one' ? [a, b] : [b, a];
    expect(getter).toEqual({ ...maker, path: getter.path, makeSeconds: null, madeOn: made[0] });
    expect(readFileSync(getter.path).equals(CONTENT)).toBe(true);
    expect(readFileSync(reportPath(getter.path), 'utf8')).toBe('{"layers":3}');
    // It is in the cache from now on, and nothing else is.
    expect((await prepare(made[0] === 'one' ? two : one, made, 'again', report)).makeSeconds).toBeNull();
    expect(made).toHaveLength(1);
    for (const { cacheFolder } of [one, two])
      expect(readdirSync(join(cacheFolder, 'artifacts')).filter((name) => /draft|lock/.test(name))).toEqual(
        [],
      );
  });

  test('of another namespace is not there, nor for who has no lease, or another node’s', async () => {
    const { grpcAddress, submit } = await world();
    await submit('lab');
    const [one, two] = [await node(grpcAddress, 'one'), await node(grpcAddress, 'two')];
    const made: string[] = [];
    const artifact = await prepare(one, made, 'one');
    const name = artifact.path.match(/([0-9a-f]{24})/)![1]!;
    const intent = ArtifactIntent.ARTIFACT_INTENT_UNSPECIFIED;
    const found = await two.connection.claimArtifact({ trialId: two.lease.trialId, name, intent });
    expect(found.artifact?.madeOn).toBe('one');
    const digest = found.artifact!.files[0]!.digest;
    const get = async (trialId: string) => {
      for await (const _ of two.connection.getArtifact({ trialId, name, digest, offset: 0 }))
        return 'it came';
      return 'nothing';
    };
    expect(await get(two.lease.trialId)).toBe('it came');
    await expect(get(one.lease.trialId)).rejects.toThrow(/hold the lease/);
    await expect(get('t.s1.1.m0.1.made-up')).rejects.toThrow(/hold the lease/);
    const forged = { trialId: two.lease.trialId, name, digest, bytes: 1, offset: 0, piece: Buffer.from('x') };
    await expect(two.connection.putArtifact(forged)).rejects.toThrow(/has not claimed/);
    await expect(
      two.connection.offerArtifact({ trialId: two.lease.trialId, name, artifact: found.artifact }),
    ).rejects.toThrow(/has not claimed/);

    await submit('shop');
    const three = await node(grpcAddress, 'three');
    const other = three.lease.sweepId === one.lease.sweepId ? await three.agent.report(three.lease) : null;
    const lease = other === null ? three.lease : await three.agent.lease();
    expect(lease.sweepId).not.toBe(one.lease.sweepId);
    expect((await prepare({ ...three, lease }, made, 'three')).makeSeconds).not.toBeNull();
    expect(made).toEqual(['one', 'three']);
  });

  test('that is a folder comes with its files; one whose names lead elsewhere is not brought', async () => {
    const { grpcAddress, submit, files } = await world();
    await submit('default');
    const [one, two] = [await node(grpcAddress, 'one'), await node(grpcAddress, 'two')];
    const made: string[] = [];
    const write = (outputPath: string) => {
      mkdirSync(join(outputPath, 'parts'), { recursive: true });
      writeFileSync(join(outputPath, 'model.onnx'), 'graph');
      writeFileSync(join(outputPath, 'parts', 'weights.bin'), CONTENT);
    };
    const maker = await prepare(one, made, 'one', { write });
    const getter = await prepare(two, made, 'two', { write });
    expect(getter).toMatchObject({ digest: maker.digest, bytes: maker.bytes, makeSeconds: null });
    expect(readFileSync(join(getter.path, 'parts', 'weights.bin')).equals(CONTENT)).toBe(true);
    expect(made).toEqual(['one']);
    const hidden = (outputPath: string) => {
      mkdirSync(outputPath);
      writeFileSync(join(outputPath, '.hidden'), 'x');
    };
    await prepare(one, made, 'one', { recipe: 'h', write: hidden });
    await prepare(two, made, 'two', { recipe: 'h', write: hidden });
    expect(made).toEqual(['one', 'one', 'two']);
    expect(files()).toHaveLength(2);
  });

  test('that was damaged on the coordinator is made again, and goes there', async () => {
    const { grpcAddress, submit, files } = await world();
    await submit('default');
    const [one, two] = [await node(grpcAddress, 'one'), await node(grpcAddress, 'two')];
    const made: string[] = [];
    await prepare(one, made, 'one');
    const [file] = files();
    writeFileSync(file!, Buffer.concat([CONTENT.subarray(0, -1), Buffer.from([CONTENT.at(-1)! ^ 1])]));
    const again = await prepare(two, made, 'two');
    expect(made).toEqual(['one', 'two']);
    expect(two.said.join()).toMatch(/came damaged/);
    expect(readFileSync(again.path).equals(CONTENT)).toBe(true);
    // Its own took the place of the damaged one.
    expect(readFileSync(file!).equals(CONTENT)).toBe(true);
  });

  test('that takes longer to bring than to make is made by each, and nobody waits; nor where there is no room, or no shelf', async () => {
    const made: string[] = [];
    for (const [artifacts, settings] of [
      [{}, { bytesPerSecond: 1000 }],
      [{ maxBytes: 1_000_000 }, {}],
      [null, {}],
    ] as const) {
      const { grpcAddress, submit } = await world(artifacts);
      await submit('default');
      const [one, two] = [await node(grpcAddress, 'one', settings), await node(grpcAddress, 'two', settings)];
      made.length = 0;
      await Promise.all([prepare(one, made, 'one'), prepare(two, made, 'two')]);
      expect(made.sort()).toEqual(['one', 'two']);
    }
  });
});
