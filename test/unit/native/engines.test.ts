import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FailureError } from '../../../core/errors.js';
import { diagnoseEngines } from '../../../engines/native/diagnose.js';
import { neededLibraries } from '../../../engines/native/elf.js';
import { buildCpuEngine } from '../../../engines/native/engines/build.js';
import { installEngine } from '../../../engines/native/engines/install.js';
import { nativeEngineFile } from '../../../engines/native/engines/location.js';
import { kernelsLibrary } from '../../../engines/native/kernel-library.js';
import { enginePackageOf, findEngine, partFolder } from '../../../engines/native/packages.js';
import { settingsOf } from '../../../engines/runners/llama-cpp/settings.js';
import { temporaryFolder } from '../../support/folder.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  vi.stubEnv('XDG_CACHE_HOME', folder);
});
afterEach(() => vi.unstubAllEnvs());
const linux = process.platform === 'linux';

describe('engines of this machine', () => {
  test('the shipped engine is found with its release', () => {
    const engine = findEngine();
    expect(engine.release).toMatch(/^v\d+\.\d+\.\d+$/);
    expect(engine.plugins.map((plugin) => plugin.deviceClass)).toEqual(['cuda', 'vulkan']);
  });

  test('another build of it is taken from the folder that the environment names, or a sentence says that there is none', () => {
    vi.stubEnv('RIDGE_LLAMA_CPP', folder);
    expect(() => findEngine()).toThrow(/which RIDGE_LLAMA_CPP names, holds no libllama\.$/);
    writeFileSync(join(folder, 'libllama.so'), '');
    expect(findEngine()).toMatchObject({ folder, release: expect.stringMatching(/^v/) });
  });

  test.runIf(linux)(
    'diagnosis names what is there and, for what is not, what lacks and how to get it',
    async () => {
      const diagnoses = await diagnoseEngines();
      const named = new Map(diagnoses.map((diagnosis) => [diagnosis.name, diagnosis]));
      expect(named.get('llama.cpp')).toMatchObject({ ok: true, hint: null });
      expect(named.get('llama.cpp cpu')?.reason).toMatch(/^libggml-cpu/);
      expect(named.get('native kernels')).toMatchObject(
        kernelsLibrary() === null
          ? { ok: false, hint: expect.stringContaining('npm run build') }
          : { ok: true, hint: null },
      );
      expect(named.get('llama.cpp cpu (native)')).toMatchObject({
        ok: false,
        reason: 'not built on this machine',
      });
      for (const { ok, reason, hint } of diagnoses) {
        expect(reason).not.toBe('');
        if (!ok) expect(hint).toMatch(/\.$/);
      }
      expect(named.has('llama.cpp cuda')).toBe(true);
    },
  );

  test.runIf(linux)('the libraries a file needs are read from the file', () => {
    const cuda = findEngine().plugins.find((plugin) => plugin.deviceClass === 'cuda')?.files ?? [];
    for (const file of cuda) {
      expect(neededLibraries(file)).toEqual(expect.arrayContaining(['libggml-base.so', 'libcuda.so.1']));
    }
    expect(neededLibraries(process.execPath)).toContain('libc.so.6');
    const text = join(folder, 'text');
    writeFileSync(text, 'no library, but longer than the header of one: '.repeat(4));
    expect(neededLibraries(text)).toBeNull();
    writeFileSync(text, '');
    expect(neededLibraries(text)).toBeNull();
  });

  const vulkan = enginePackageOf('vulkan');
  test.skipIf(!linux || partFolder('vulkan') !== null)(
    'a part is fetched by npm, unpacked where the next search finds it, and fetched once (needs a checkout without Vulkan)',
    async () => {
      const npm = join(folder, 'npm');
      // What `npm pack` leaves: an archive of a folder called package.
      writeFileSync(
        npm,
        `#!/bin/sh\ncd "$4" && mkdir package && echo "$5" > package/asked && tar -czf x.tgz package && rm -r package\n`,
        { mode: 0o755 },
      );
      vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
      const { folder: fetched } = await installEngine('vulkan');
      expect(readFileSync(join(fetched, 'asked'), 'utf8')).toBe(`${vulkan.name}@${vulkan.version}\n`);
      expect(partFolder('vulkan')).toBe(fetched);
      expect(await installEngine('vulkan')).toEqual({ folder: fetched, fetched: false });
    },
  );

  test.skipIf(partFolder('vulkan') !== null)(
    'without npm nothing is fetched and nothing is left (needs a checkout without Vulkan)',
    async () => {
      vi.stubEnv('PATH', folder);
      await expect(installEngine('vulkan')).rejects.toMatchObject({
        failure: { code: 'engine-missing', message: expect.stringMatching(/^npm cannot be started/) },
      });
      expect(partFolder('vulkan')).toBeNull();
    },
  );

  test('a build without tools names them and how to get them', async () => {
    vi.stubEnv('PATH', folder);
    const error = await buildCpuEngine().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FailureError);
    const { failure } = error as FailureError;
    expect(failure.code).toBe('engine-missing');
    expect(failure.message).toContain('git, cmake, c++');
    expect(failure.hint).toContain('apt-get install git cmake g++');
  });

  test('a native engine has a place of its own per release and processor', () => {
    const file = nativeEngineFile('v9.9.9');
    expect(file.startsWith(join(folder, 'ridgepoint/engines/v9.9.9', process.arch))).toBe(true);
    expect(nativeEngineFile('v9.9.9')).toBe(file);
  });
});

describe('settings of the llama.cpp runner', () => {
  test('what is absent or null gets the default', () => {
    expect(settingsOf({ threads: null }, 6)).toEqual({
      eviction: 'none',
      kvCacheRotation: true,
      flashAttention: 'auto',
      kvCacheTypeK: 'f16',
      kvCacheTypeV: 'f16',
      threads: 6,
      batch: 2048,
      ubatch: 512,
      gpuLayers: 'all',
      splitMode: 'layer',
      mainGpu: 0,
      tensorSplit: null,
      rpcServers: [],
      mmap: true,
      cpuBackend: 'shipped',
      poll: 50,
    });
  });

  test('a quantized K cache needs no flash attention, a quantized V cache does', () => {
    expect(settingsOf({ flashAttention: false, kvCacheTypeK: 'q4_0' }, 1).kvCacheTypeK).toBe('q4_0');
    for (const type of ['q8_0', 'q4_0', 'q4_1', 'iq4_nl', 'q5_0', 'q5_1']) {
      expect(() => settingsOf({ flashAttention: false, kvCacheTypeV: type }, 1)).toThrow(
        'needs flash attention',
      );
      expect(settingsOf({ flashAttention: 'auto', kvCacheTypeV: type }, 1).kvCacheTypeV).toBe(type);
    }
  });
});
