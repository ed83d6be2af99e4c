import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Launcher } from '../../../artifacts/files/build-file.js';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { launch } from '../../../process/isolation/launch.js';
import { temporaryFolder } from '../../support/folder.js';

/** Starts children, and counts them. */
function counting() {
  const started: string[] = [];
  const launcher: Launcher = (request) => {
    started.push(request.task.name);
    return launch(request);
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

test('a model that takes longer than it may is refused in a sentence', async () => {
  // Of its own, that nobody in this process has looked at.
  const folder = temporaryFolder();
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(folder, 'slow.gguf'));
  const settings = { modelFolders: [folder], cacheFolder: temporaryFolder() };
  const launcher: Launcher = (request) => {
    const child = launch({ ...request, timeLimitSeconds: 0.1, graceSeconds: 0.1 });
    // It does not get on, however late a busy machine looks at the clock.
    process.kill(child.pid, 'SIGSTOP');
    return child;
  };
  await expect(resolveModel('slow.gguf', settings, { launcher })).rejects.toThrow(
    'the model slow.gguf is not usable: reading the headers and the config of the model ran longer than 100 ms',
  );
});
