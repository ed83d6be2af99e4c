import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { FailureError } from '../../core/errors.js';
import { nativeEngineFile } from '../../engines/native/engines/location.js';
import { findEngine } from '../../engines/native/packages.js';
import { load } from './loading.js';

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-native-'));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'RIDGEPOINT_CPU holds the engine at a level, too (needs Linux on x86-64)',
  async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, '../fixtures/engine-library.ts')],
      { env: { ...process.env, RIDGEPOINT_CPU: 'avx2' } },
    );
    expect(stdout).toBe('libggml-cpu-haswell.so');
  },
);

test('cpuBackend: native without a build says how to build one; with a build it is what runs', async () => {
  vi.stubEnv('XDG_CACHE_HOME', folder);
  const error = await load('tiny', { cpuBackend: 'native' }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FailureError);
  expect((error as FailureError).failure).toMatchObject({
    code: 'engine-missing',
    hint: 'Run `ridge engines build` on this node, or use `cpuBackend: shipped`.',
  });

  // The plainest shipped variant stands for a build: it runs everywhere and has another name.
  const { folder: shipped, release } = findEngine();
  const file = nativeEngineFile(release);
  mkdirSync(dirname(file), { recursive: true });
  const plain = { x64: 'libggml-cpu-x64.so', arm64: 'libggml-cpu-armv8.0_1.so' }[process.arch as 'x64'];
  if (process.platform !== 'linux' || plain === undefined) return;
  symlinkSync(join(shipped, plain), file);
  const model = await load('tiny', { cpuBackend: 'native' });
  expect(model.facts.environment).toMatchObject({ cpuBackend: 'native', cpuLibrary: 'libggml-cpu.so' });
  if (process.arch === 'x64') expect(model.facts.environment.cpuFeatures).not.toContain('AVX512');
  model.prefill([Int32Array.of(1, 2, 3)]);
  expect(model.logits(0).every(Number.isFinite)).toBe(true);
  model.close();
});
