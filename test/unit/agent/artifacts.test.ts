import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ResolvedModel, resolveModel } from '../../../artifacts/files/resolve.js';
import { builtinFolder, builtinNames, locateSource } from '../../../artifacts/files/source.js';
import { type ArtifactRequest, ArtifactStore } from '../../../artifacts/files/store.js';
import type { SynthesizeRequest } from '../../../artifacts/files/synthetic/job.js';
import { stepsFor } from '../../../artifacts/techniques/index.js';
import { type Failure, type FailureCode, failure, toFailure } from '../../../core/errors.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import type { QuantizeRequest } from '../../../engines/runners/jobs.js';
import { digestOf } from '../../../process/digest.js';
import { temporaryFolder } from '../../support/folder.js';
import { doHere, failing } from '../../support/launcher.js';

async function failureOf(work: () => unknown): Promise<Failure> {
  try {
    await work();
  } catch (error) {
    return toFailure(error);
  }
  throw new Error('nothing was refused');
}

describe('a source', () => {
  /** `models/` is allowed; beside it lies what must not be reached. */
  function node() {
    const root = temporaryFolder();
    const models = join(root, 'models');
    mkdirSync(join(models, 'sub'), { recursive: true });
    mkdirSync(join(root, 'models-secret'));
    for (const file of ['models/a.gguf', 'models/sub/b.gguf', 'secret.gguf', 'models-secret/c.gguf']) {
      writeFileSync(join(root, file), 'x');
    }
    return { root, models, settings: { modelFolders: [models] } };
  }

  test('inside a model folder is found by its path, whole or relative', () => {
    const { models, settings } = node();
    for (const source of ['a.gguf', join(models, 'a.gguf'), './sub/../a.gguf', 'file:a.gguf']) {
      expect(locateSource(source, settings)).toBe(join(models, 'a.gguf'));
    }
    expect(locateSource('sub/b.gguf', settings)).toBe(join(models, 'sub/b.gguf'));
  });

  test('may be reached through a link that stays inside, or a folder that is itself a link', () => {
    const { root, models, settings } = node();
    symlinkSync(join(models, 'a.gguf'), join(models, 'inside.gguf'));
    expect(locateSource('inside.gguf', settings)).toBe(join(models, 'a.gguf'));
    symlinkSync(models, join(root, 'link'));
    expect(locateSource(join(root, 'link', 'a.gguf'), { modelFolders: [join(root, 'link')] })).toBe(
      join(models, 'a.gguf'),
    );
  });

  test.each([
    ['../secret.gguf'],
    ['sub/../../secret.gguf'],
    ['..'],
    ['/etc/passwd'],
    ['file:///etc/passwd'],
    ['models-secret/../../secret.gguf'],
  ])('%s is refused, whether it exists or not', async (source) => {
    const { settings } = node();
    expect((await failureOf(() => locateSource(source, settings))).code).toBe('source-not-allowed');
  });

  test('beside the folder, with the folder’s name as the beginning of its own, is refused', async () => {
    const { root, settings } = node();
    const source = join(root, 'models-secret', 'c.gguf');
    expect((await failureOf(() => locateSource(source, settings))).code).toBe('source-not-allowed');
  });

  test('behind a symbolic link that leads out is refused, for files and for folders', async () => {
    const { root, models, settings } = node();
    symlinkSync(join(root, 'secret.gguf'), join(models, 'link.gguf'));
    symlinkSync(root, join(models, 'folder'));
    for (const source of ['link.gguf', 'folder/secret.gguf']) {
      expect((await failureOf(() => locateSource(source, settings))).code).toBe('source-not-allowed');
    }
  });

  test.each<[string, FailureCode]>([
    ['nothing.gguf', 'model-missing'],
    ['sub', 'model-missing'],
    ['a.gguf\0.png', 'model-missing'],
    ['', 'model-missing'],
    ['builtin:toString', 'model-missing'],
    ['builtin:../package.json', 'model-missing'],
    ['hf:owner/repo:Q4_K_M', 'source-not-allowed'],
    ['https://example.org/a.gguf', 'source-not-allowed'],
    ['data:text/plain,x', 'source-not-allowed'],
  ])('%j is %s', async (source, code) => {
    const { settings } = node();
    expect((await failureOf(() => locateSource(source, settings))).code).toBe(code);
  });

  test('with no folder at all is refused with what to do', async () => {
    const refused = await failureOf(() => locateSource('/a.gguf', { modelFolders: [] }));
    expect(refused).toMatchObject({
      code: 'source-not-allowed',
      hint: expect.stringContaining('modelFolders'),
    });
  });
});

describe('the digest', () => {
  test('is SHA-256 of the bytes, kept until the file changes', async () => {
    const cache = temporaryFolder();
    const file = join(temporaryFolder(), 'f');
    writeFileSync(file, 'abc');
    const abc = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(await digestOf(file, cache)).toBe(abc);
    const [entry] = readdirSync(join(cache, 'digests'));
    // The second answer comes from the cache: it shows what was put there.
    const path = join(cache, 'digests', entry!);
    const planted = `sha256:${'1'.repeat(64)}`;
    writeFileSync(path, readFileSync(path, 'utf8').replace(abc, planted));
    expect(await digestOf(file, cache)).toBe(planted);
    utimesSync(file, new Date(), new Date(Date.now() + 5000));
    expect(await digestOf(file, cache)).toBe(abc);
  });

  test('is right even when the cache is damaged or cannot be written', async () => {
    const file = join(temporaryFolder(), 'f');
    writeFileSync(file, '');
    const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect(await digestOf(file, join(file, 'a-file-is-no-folder'))).toBe(empty);
    const cache = temporaryFolder();
    await digestOf(file, cache);
    writeFileSync(join(cache, 'digests', readdirSync(join(cache, 'digests'))[0]!), '{');
    expect(await digestOf(file, cache)).toBe(empty);
  });
});

test('the shipped models are what their manifest says', async () => {
  const manifest = JSON.parse(readFileSync(join(builtinFolder(), 'manifest.json'), 'utf8'));
  expect(builtinNames().map(({ name }) => name)).toEqual(['small', 'tiny']);
  for (const { name, digest, bytes, parameters, architecture } of manifest.models) {
    const model = await resolveModel(`builtin:${name}`, { modelFolders: [], cacheFolder: temporaryFolder() });
    expect({ ...model.facts, digest: model.digest }).toMatchObject({
      digest,
      bytes,
      parameters,
      architecture,
    });
  }
});

async function tiny(): Promise<ResolvedModel> {
  return resolveModel('builtin:tiny', { modelFolders: [], cacheFolder: temporaryFolder() });
}

test('a model is resolved to its path, digest, facts and weights', async () => {
  const model = await tiny();
  expect(model.path).toBe(join(builtinFolder(), 'tiny-f16.gguf'));
  expect(model.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(model.weightBytes).toBe(2_232_832);
});

describe('the store', () => {
  /** Stands where the child would be: writes a file, or fails. */
  function maker(answer: Failure | string) {
    const made: string[] = [];
    const launcher = doHere({
      quantize({ quantization, outputPath }: QuantizeRequest) {
        made.push(quantization.type);
        if (typeof answer !== 'string') throw failing(answer);
        writeFileSync(outputPath, answer);
        return { warnings: ['two tensors fell back'], facts: {} };
      },
    });
    return { made, launcher };
  }

  const ask = async (
    base: ResolvedModel,
    quantization: string,
    engine = 'llama.cpp test',
  ): Promise<ArtifactRequest> => {
    const technique = { ...UNCHANGED, quantization };
    const settings = { modelFolders: [], cacheFolder: temporaryFolder() };
    const request = { base, modelName: 'tiny', technique, runnerKind: 'llama-cpp', engine, settings };
    const steps = await stepsFor(request);
    return { base, steps, cpus: [0], timeLimitSeconds: 10 };
  };

  test('gives the base itself where it is that already', async () => {
    const store = new ArtifactStore({ cacheFolder: temporaryFolder(), artifactBytes: 1e9 });
    const base = await tiny();
    const { made, launcher } = maker('abc');
    for (const quantization of ['base', 'f16']) {
      const artifact = await store.prepare(await ask(base, quantization), launcher);
      expect(artifact).toMatchObject({
        path: base.path,
        digest: base.digest,
        recipe: 'base',
        makeSeconds: null,
      });
    }
    expect(made).toEqual([]);
  });

  test('makes an artifact once, also when two ask at the same time', async () => {
    const settings = { cacheFolder: temporaryFolder(), artifactBytes: 1e9 };
    const base = await tiny();
    const { made, launcher } = maker('abc');
    const [a, b] = await Promise.all([
      new ArtifactStore(settings).prepare(await ask(base, 'q8_0'), launcher),
      new ArtifactStore(settings).prepare(await ask(base, 'q8_0'), launcher),
    ]);
    expect(made).toEqual(['q8_0']);
    expect(a.path).toBe(b.path);
    expect([a.makeSeconds, b.makeSeconds].filter((seconds) => seconds === null)).toHaveLength(1);
    expect(a).toMatchObject({ base: base.digest, bytes: 3, recipe: 'quantize(q8_0)' });
    // What its maker said is remembered for every trial that uses it.
    expect([a.warnings, b.warnings]).toEqual([['two tensors fell back'], ['two tensors fell back']]);
    expect(readFileSync(a.path, 'utf8')).toBe('abc');
  });

  test('makes it anew for another engine release, and when its file was tampered with', async () => {
    const store = new ArtifactStore({ cacheFolder: temporaryFolder(), artifactBytes: 1e9 });
    const base = await tiny();
    const { made, launcher } = maker('abc');
    const first = await store.prepare(await ask(base, 'q8_0'), launcher);
    await store.prepare(await ask(base, 'q8_0', 'llama.cpp other'), launcher);
    writeFileSync(first.path, 'abcd');
    await store.prepare(await ask(base, 'q8_0'), launcher);
    expect(made).toEqual(['q8_0', 'q8_0', 'q8_0']);
  });

  test('leaves nothing behind when the maker fails, and says why', async () => {
    const cacheFolder = temporaryFolder();
    const store = new ArtifactStore({ cacheFolder, artifactBytes: 1e9 });
    const base = await tiny();
    const crash = failure('crashed', 'the quantization was killed by SIGABRT', { signal: 'SIGABRT' });
    const refused = await failureOf(async () =>
      store.prepare(await ask(base, 'q4_0'), maker(crash).launcher),
    );
    expect(refused).toMatchObject({ code: 'artifact-failed', signal: 'SIGABRT' });
    expect(refused.message).toContain('q4_0');
    expect(readdirSync(join(cacheFolder, 'artifacts'))).toEqual([]);
    const full = failure('crashed', 'x', { stderrTail: 'write: No space left on device' });
    expect(
      (await failureOf(async () => store.prepare(await ask(base, 'q4_0'), maker(full).launcher))).code,
    ).toBe('disk-full');
    const killed = failure('out-of-memory', 'x');
    expect(
      (await failureOf(async () => store.prepare(await ask(base, 'q4_0'), maker(killed).launcher))).code,
    ).toBe('out-of-memory');
  });

  test('leaves nothing of a synthetic model whose maker was killed half way', async () => {
    const cacheFolder = temporaryFolder();
    const store = new ArtifactStore({ cacheFolder, artifactBytes: 1e9 });
    const base = await resolveModel('synthetic:smollm2-135m', { modelFolders: [], cacheFolder });
    const killed = doHere({
      synthesize({ outputPath }: SynthesizeRequest) {
        // As it writes: the draft of the child beside the draft it was told to make.
        writeFileSync(`${outputPath}.4711.draft`, 'half');
        throw failing(failure('cancelled', 'it was stopped'));
      },
    });
    expect((await failureOf(async () => store.prepare(await ask(base, 'base'), killed))).code).toBe(
      'cancelled',
    );
    expect(readdirSync(join(cacheFolder, 'artifacts'))).toEqual([]);
  });

  test('refuses what the disk cannot hold before it begins', async () => {
    const store = new ArtifactStore({ cacheFolder: temporaryFolder(), artifactBytes: 1e9 });
    const base = await tiny();
    const huge = { ...base, facts: { ...base.facts, bytes: 1e18 } };
    const refused = await failureOf(async () =>
      store.prepare(await ask(huge, 'q4_0'), maker('abc').launcher),
    );
    expect(refused).toMatchObject({ code: 'disk-full', hint: expect.stringContaining('cacheFolder') });
  });
});

test('an unreadable model keeps its name in the sentence', async () => {
  const folder = temporaryFolder();
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(folder, 'ok.gguf'));
  writeFileSync(join(folder, 'bad.gguf'), readFileSync(join(folder, 'ok.gguf')).subarray(0, 5000));
  const settings = { modelFolders: [folder], cacheFolder: temporaryFolder() };
  expect((await resolveModel('ok.gguf', settings)).facts.bytes).toBe(statSync(join(folder, 'ok.gguf')).size);
  const refused = await failureOf(() => resolveModel('bad.gguf', settings));
  expect(refused.code).toBe('model-unreadable');
  expect(refused.message).toContain('bad.gguf');
});
