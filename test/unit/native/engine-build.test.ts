import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { buildFolder, buildOf, isBuildHere } from '../../../engines/native/engine-build.js';
import { temporaryFolder } from '../../support/folder.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
});
afterEach(() => vi.unstubAllEnvs());

test('a build is what its libraries are, and is known again without reading them', async () => {
  const [core, backend] = ['libllama.so', 'libggml-cpu.so'].map((name) => join(folder, name));
  const write = (path: string, text: string, seconds: number) => {
    writeFileSync(path, text);
    utimesSync(path, seconds, seconds);
  };
  write(core!, 'core', 1);
  write(backend!, 'backend', 1);
  const first = await buildOf([core!, backend!]);
  expect(first).toMatch(/^[0-9a-f]{16}$/);
  expect(await buildOf([core!])).not.toBe(first);
  expect([await isBuildHere(first), await isBuildHere('0123456789abcdef')]).toEqual([true, false]);

  // Of the same size and time it is taken for the same, which is how it costs nothing.
  write(backend!, 'BACKEND', 1);
  expect(await buildOf([core!, backend!])).toBe(first);
  write(backend!, 'BACKEND', 2);
  expect(await buildOf([core!, backend!])).not.toBe(first);
  expect(await isBuildHere(first)).toBe(false);
  write(backend!, 'backend', 3);
  expect(await buildOf([core!, backend!])).toBe(first);
  expect(await isBuildHere(first)).toBe(true);
});

test('where a build was run from is known as long as its files are that build', async () => {
  const core = join(folder, 'libllama.so');
  writeFileSync(core, 'core');
  expect(await buildFolder('0123456789abcdef', /^libllama/)).toBeNull();
  const build = await buildOf([core]);
  expect(await buildFolder(build, /^libllama/)).toBe(folder);
  expect(await buildFolder(build, /^libonnx/)).toBeNull();
  writeFileSync(core, 'another core');
  expect(await buildFolder(build, /^libllama/)).toBeNull();
});
