import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Launcher } from '../../../artifacts/files/build-file.js';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { launch } from '../../../process/isolation/launch.js';
import { temporaryFolder } from '../../support/bench.js';

/** Starts children, and counts them. */
function counting(limits: { readonly timeLimitSeconds?: number; readonly graceSeconds?: number } = {}) {
  const started: string[] = [];
  const launcher: Launcher = (request) => {
    started.push(request.task.name);
    return launch({ ...request, ...limits });
  };
  return { launcher, started };
}

test('a child looks at a model, once as long as its files stay as they are', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'm.gguf');
  const settings = { modelFolders: [folder], cacheFolder: temporaryFolder() };
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), path);
  const { launcher, started } = counting();
  const model = await resolveModel('m.gguf', settings, { launcher });
  expect(model.facts).toMatchObject({ format: 'gguf', layers: 4 });
  expect(await resolveModel('m.gguf', settings, { launcher })).toEqual(model);
  expect(started).toEqual(['look']);
  writeFileSync(path, 'GGUF');
  await expect(resolveModel('m.gguf', settings, { launcher })).rejects.toThrow(
    'the model m.gguf is not usable: ',
  );
  expect(started).toEqual(['look', 'look']);
});

// On a busy machine a child may be done before a clock of one millisecond is looked at.
test('a model that takes longer than it may is refused in a sentence', { retry: 5 }, async () => {
  const settings = { modelFolders: [], cacheFolder: temporaryFolder() };
  // No grace: a child that is asked to stop may yet be done before it hears of it.
  const { launcher } = counting({ timeLimitSeconds: 0.001, graceSeconds: 0.001 });
  await expect(resolveModel('builtin:small', settings, { launcher })).rejects.toThrow(
    'the model builtin:small is not usable: reading the headers and the config of the model ran longer than 0.001 s',
  );
});
