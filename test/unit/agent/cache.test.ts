import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeRoom } from '../../../artifacts/files/eviction.js';
import { ifUnlocked, withLock } from '../../../artifacts/files/lock.js';
import { ownMark } from '../../../artifacts/files/owner.js';
import { isHeld, Pins } from '../../../artifacts/files/pins.js';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import type { Step } from '../../../artifacts/files/step.js';
import { chainName } from '../../../artifacts/files/step.js';
import { ArtifactStore } from '../../../artifacts/files/store.js';
import { failure, toFailure } from '../../../core/errors.js';
import { plainQuantization } from '../../../core/techniques/quantization.js';
import { QUANTIZE, type QuantizeRequest } from '../../../engines/runners/jobs.js';
import { taskOf } from '../../../process/isolation/job.js';
import { temporaryFolder } from '../../support/folder.js';
import { doHere } from '../../support/launcher.js';

const DEAD = 999_999_999;

/** The mark of a process of this machine that is no more, and of one that had this process's id before it. */
const dead = () => JSON.stringify({ ...JSON.parse(ownMark()), pid: DEAD });
const earlier = () => JSON.stringify({ ...JSON.parse(ownMark()), began: '1' });
const elsewhere = () => JSON.stringify({ ...JSON.parse(ownMark()), space: 'another container' });

function age(path: string, seconds: number): void {
  const then = Date.now() / 1000 - seconds;
  utimesSync(path, then, then);
}

/** @returns how many of those who want the lock at once are in at a time, at most. */
async function mostInside(path: string, wanted: number): Promise<number> {
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 10));
    inside -= 1;
  };
  await Promise.all(Array.from({ length: wanted }, () => withLock(path, work)));
  return most;
}

describe('the lock', () => {
  test('lets one in at a time', async () => {
    const path = join(temporaryFolder(), 'l.lock');
    expect(await mostInside(path, 3)).toBe(1);
    expect(existsSync(path)).toBe(false);
  });

  test('of a process that died is taken over, also when another has its id by now', async () => {
    const path = join(temporaryFolder(), 'l.lock');
    for (const mark of [dead(), earlier()]) {
      writeFileSync(path, mark);
      expect(await ifUnlocked(path, async () => 'in')).toBe('in');
    }
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  test('of another container is believed as long as it is touched', async () => {
    const path = join(temporaryFolder(), 'l.lock');
    for (const mark of [elsewhere(), '', '4711']) {
      writeFileSync(path, mark);
      expect(await ifUnlocked(path, async () => 'in')).toBeNull();
      age(path, 61);
      expect(await ifUnlocked(path, async () => 'in')).toBe('in');
    }
  });

  test('that was abandoned lets one in at a time as well', async () => {
    const path = join(temporaryFolder(), 'l.lock');
    writeFileSync(path, dead());
    expect(await mostInside(path, 8)).toBe(1);
  });

  test('says whose it is', () => {
    expect(JSON.parse(ownMark())).toMatchObject({
      pid: process.pid,
      space: expect.stringContaining(hostname()),
    });
  });
});

describe('room', () => {
  /** Files of 100 bytes each, the first the longest unused. */
  function cache(...names: string[]) {
    const folder = temporaryFolder();
    names.forEach((name, i) => {
      for (const file of [`${name}.gguf`, `${name}.gguf.json`]) {
        writeFileSync(join(folder, file), file.endsWith('json') ? '{}' : 'x'.repeat(100));
        age(join(folder, file), 1000 - i);
      }
    });
    const left = () =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.gguf'))
        .map((name) => name.replace('.gguf', ''))
        .sort();
    return { folder, left, path: (name: string) => join(folder, `${name}.gguf`) };
  }

  test('is made by the least recently used, and never by the newest', async () => {
    const { folder, left, path } = cache('a', 'b', 'c');
    age(`${path('a')}.json`, 1);
    await makeRoom(folder, { limitBytes: 250, keep: path('c') });
    expect(left()).toEqual(['a', 'c']);
    await makeRoom(folder, { limitBytes: 0, keep: path('c') });
    expect(readdirSync(folder)).toEqual(['c.gguf', 'c.gguf.json']);
  });

  test('is made for what comes, unless nothing would be enough', async () => {
    const { folder, left } = cache('a', 'b', 'c');
    await makeRoom(folder, { limitBytes: 300, comingBytes: 150 });
    expect(left()).toEqual(['c']);
    await makeRoom(folder, { limitBytes: 300, comingBytes: 1e18 });
    expect(left()).toEqual(['c']);
  });

  test('is made on a full disk, though the bound would allow more', async () => {
    const { folder, left } = cache('a', 'b', 'c');
    const freeBytes = async () => 50 + 100 * (3 - left().length);
    await makeRoom(folder, { limitBytes: 1e9, comingBytes: 120, freeBytes });
    expect(left()).toEqual(['b', 'c']);
  });

  test('is not made by what is held, made or fetched, however old', async () => {
    const { folder, left, path } = cache('held', 'locked', 'gone', 'free');
    const uses = new Pins();
    await uses.hold(path('held'));
    writeFileSync(`${path('gone')}.${DEAD}-1.use`, dead());
    await withLock(join(folder, 'locked.lock'), () => makeRoom(folder, { limitBytes: 0 }));
    expect(left()).toEqual(['held', 'locked']);
    expect(await isHeld(path('gone'))).toBe(false);
    await uses.release();
    await makeRoom(folder, { limitBytes: 0 });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is made by the beginnings of files that nobody fetches any more, and by old drafts', async () => {
    const { folder } = cache('new');
    for (const name of ['old.gguf.part', 'old.gguf.part.json', 'x.gguf.12.draft', 'y.gguf.json.12.draft']) {
      writeFileSync(join(folder, name), 'x'.repeat(100));
      age(join(folder, name), 5000);
    }
    await makeRoom(folder, { limitBytes: 1e9 });
    expect(readdirSync(folder)).toEqual(['new.gguf', 'new.gguf.json', 'old.gguf.part', 'old.gguf.part.json']);
    await makeRoom(folder, { limitBytes: 150 });
    expect(readdirSync(folder)).toEqual(['new.gguf', 'new.gguf.json']);
  });
});

/** A step that appends its name to its input, as a child would make it. */
function step(name: string, bytes: (input: number) => number = (input) => input + name.length): Step {
  return {
    recipe: name,
    ingredients: { engine: 'test' },
    bytes,
    taskFor: async (inputPath) => (outputPath) =>
      taskOf(QUANTIZE, {
        runnerKind: 'llama-cpp',
        inputPath,
        outputPath,
        quantization: plainQuantization(name),
        imatrix: null,
        threads: 1,
      }),
  };
}

/** @param meanwhile is called while a file is being made. */
function appender(meanwhile: (name: string) => unknown = () => {}) {
  const made: string[] = [];
  const launcher = doHere({
    async quantize({ quantization: { type }, inputPath, outputPath }: QuantizeRequest) {
      await meanwhile(type);
      made.push(type);
      const input = inputPath.endsWith('tiny-f16.gguf') ? 'base' : readFileSync(inputPath, 'utf8');
      writeFileSync(outputPath, `${input}+${type}`);
      return { warnings: [`of ${type}`], facts: { name: type } };
    },
  });
  return { made, launcher };
}

async function chainOf(steps: readonly Step[], artifactBytes = 1e9) {
  const cacheFolder = temporaryFolder();
  const base = await resolveModel('builtin:tiny', { modelFolders: [], cacheFolder });
  const store = new ArtifactStore({ cacheFolder, artifactBytes });
  const folder = join(cacheFolder, 'artifacts');
  return { base, store, folder, request: { base, steps, cpus: [], timeLimitSeconds: 10 } };
}

describe('a chain', () => {
  const steps = ['merge', 'prune', 'quantize'].map((name) => step(name));

  test('is made step by step, and its record has all of them with what they said', async () => {
    const { store, request, base } = await chainOf(steps);
    const { made, launcher } = appender();
    const artifact = await store.prepare(request, launcher);
    expect(made).toEqual(['merge', 'prune', 'quantize']);
    expect(readFileSync(artifact.path, 'utf8')).toBe('base+merge+prune+quantize');
    expect(artifact).toMatchObject({
      base: base.digest,
      recipe: 'merge → prune → quantize',
      warnings: ['of merge', 'of prune', 'of quantize'],
      steps: [
        { recipe: 'merge', facts: { name: 'merge' }, bytes: 10 },
        { recipe: 'prune', bytes: 16 },
        { recipe: 'quantize', bytes: 25, digest: artifact.digest },
      ],
    });
    expect(new Set(artifact.steps.map(({ digest }) => digest)).size).toBe(3);
    expect(artifact.makeSeconds).toBeGreaterThan(0);
    // Asked again it is found; a shorter chain is the file in the middle.
    expect(await store.prepare(request, launcher)).toEqual({ ...artifact, makeSeconds: null });
    const shorter = await store.prepare({ ...request, steps: steps.slice(0, 2) }, launcher);
    expect(shorter.digest).toBe(artifact.steps[1]!.digest);
    expect(made).toHaveLength(3);
  });

  test('has a name that follows from its base, its steps, their order and what they are made of', () => {
    const other = { ...step('merge'), ingredients: { engine: 'other' } };
    const chains = [steps, [...steps].reverse(), steps.slice(1), [other, ...steps.slice(1)]];
    const names = chains.map((chain) => chainName('sha256:a', chain));
    expect(new Set([...names, chainName('sha256:b', steps)]).size).toBe(5);
    expect(
      chainName(
        'sha256:a',
        ['merge', 'prune', 'quantize'].map((name) => step(name)),
      ),
    ).toBe(names[0]);
    // Where one ends and the next begins is part of it.
    expect(chainName('sha256:a', [step('ab'), step('c')])).not.toBe(
      chainName('sha256:a', [step('a'), step('bc')]),
    );
  });

  test('whose middle was evicted keeps its end; a longer one makes the middle again', async () => {
    const { store, request, folder } = await chainOf(steps);
    const { made, launcher } = appender();
    const artifact = await store.prepare(request, launcher);
    await makeRoom(folder, { limitBytes: 25, keep: artifact.path });
    expect(readdirSync(folder).filter((name) => name.endsWith('.gguf'))).toEqual([basename(artifact.path)]);
    expect((await store.prepare(request, launcher)).makeSeconds).toBeNull();
    await store.prepare({ ...request, steps: [steps[0]!, steps[1]!, step('other')] }, launcher);
    expect(made).toEqual(['merge', 'prune', 'quantize', 'merge', 'prune', 'other']);
  });

  test('keeps its input while a step is made of it, and gives it free afterwards', async () => {
    // Room for one file at a time.
    const { store, request, folder } = await chainOf(steps, 26);
    const present: string[][] = [];
    const { launcher } = appender(async () => {
      await makeRoom(folder, { limitBytes: 0 });
      present.push(readdirSync(folder).filter((name) => name.endsWith('.gguf')));
    });
    const uses = new Pins();
    const { path } = await store.prepare(request, launcher, uses);
    expect(present.map(({ length }) => length)).toEqual([0, 1, 1]);
    await makeRoom(folder, { limitBytes: 0 });
    expect(readdirSync(folder).filter((name) => name.endsWith('.gguf'))).toEqual([basename(path)]);
    await uses.release();
    await makeRoom(folder, { limitBytes: 0 });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that fills the disk in its middle keeps what was made, and goes on from there', async () => {
    const { store, request, folder } = await chainOf(steps);
    let full = true;
    const { made, launcher } = appender((name) => {
      if (full && name === 'quantize') {
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      }
    });
    const failed = await store.prepare(request, launcher).catch(toFailure);
    expect(failed).toMatchObject({ code: 'disk-full', message: expect.stringContaining('quantize') });
    expect(readdirSync(folder).filter((name) => !/\.gguf(\.json)?$/.test(name))).toEqual([]);
    full = false;
    await store.prepare(request, launcher);
    expect(made).toEqual(['merge', 'prune', 'quantize']);
  });

  test('asked for by two at once is made once, a common beginning too', async () => {
    const { store, request } = await chainOf(steps);
    const { made, launcher } = appender(() => new Promise((resolve) => setTimeout(resolve, 10)));
    const fork = { ...request, steps: [...steps.slice(0, 2), step('other')] };
    await Promise.all([request, fork, request].map((one) => store.prepare(one, launcher)));
    expect([...made].sort()).toEqual(['merge', 'other', 'prune', 'quantize']);
  });

  test('with a note that is damaged, or a file without one, is made anew', async () => {
    const { store, request, folder } = await chainOf(steps.slice(0, 1));
    const { made, launcher } = appender();
    const { path } = await store.prepare(request, launcher);
    writeFileSync(`${path}.json`, readFileSync(`${path}.json`, 'utf8').slice(0, 20));
    await store.prepare(request, launcher);
    writeFileSync(join(folder, `${basename(path)}.${DEAD}.draft`), 'half a file');
    writeFileSync(`${path}.json`, '{}');
    await store.prepare(request, launcher);
    expect(made).toEqual(['merge', 'merge', 'merge']);
    expect(readdirSync(folder).sort()).toEqual([basename(path), `${basename(path)}.json`]);
  });

  test('that cannot be stored says so', async () => {
    const cacheFolder = join(temporaryFolder(), 'f');
    mkdirSync(cacheFolder);
    const { base } = await chainOf([]);
    writeFileSync(join(cacheFolder, 'artifacts'), 'a file is no folder');
    const store = new ArtifactStore({ cacheFolder, artifactBytes: 1e9 });
    const request = { base, steps, cpus: [], timeLimitSeconds: 10 };
    const failed = await store.prepare(request, appender().launcher).catch(toFailure);
    expect(failed).toMatchObject(
      failure('artifact-failed', expect.stringContaining('could not be stored'), {
        hint: expect.stringContaining('cacheFolder'),
      }),
    );
  });
});
