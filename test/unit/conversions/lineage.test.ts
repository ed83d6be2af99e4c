import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CONVERTERS } from '../../../artifacts/conversions/index.js';
import type { ConversionTask } from '../../../artifacts/conversions/job.js';
import { conversionStep } from '../../../artifacts/conversions/step.js';
import { buildFile, type Launcher } from '../../../artifacts/files/build-file.js';
import { originOf } from '../../../artifacts/files/lineage.js';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { ArtifactStore } from '../../../artifacts/files/store.js';
import { temporaryFolder } from '../../support/folder.js';
import { doHere } from '../../support/launcher.js';
import { tinyLlama, writeFolder } from '../../support/model-folder.js';

const launcher = doHere({
  convert: async ({ conversion, ...rest }: ConversionTask) =>
    (await CONVERTERS[conversion].load()).convert(rest, () => {}),
});

async function prepared() {
  const folder = await writeFolder(tinyLlama({ attention_dropout: 0.25 }));
  const cacheFolder = temporaryFolder();
  const base = await resolveModel(folder, { modelFolders: [dirname(folder)], cacheFolder });
  const store = new ArtifactStore({ cacheFolder, artifactBytes: 1e9 });
  const making = { base, cpus: [], timeLimitSeconds: 60 };
  const there = conversionStep('safetensors-to-gguf', base);
  const gguf = await store.prepare({ ...making, steps: [there] }, launcher);
  const back = async () =>
    await store.prepare({ ...making, steps: [there, conversionStep('gguf-to-safetensors', base)] }, launcher);
  return { folder, cacheFolder, base, gguf, back };
}

test('a chain that ends in the format of its base keeps what that says beside its weights', async () => {
  const { folder, back } = await prepared();
  const { path } = await back();
  const config = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8')) as Record<string, unknown>;
  expect(config.attention_dropout).toBe(0.25);
  expect(readFileSync(join(path, 'tokenizer.json'))).toEqual(readFileSync(join(folder, 'tokenizer.json')));
});

test('what a file was made of is found by what it is, and told from what has changed since', async () => {
  const { folder, cacheFolder, base, gguf } = await prepared();
  const found = (path: string) => originOf(path, 'safetensors', cacheFolder);
  expect(await found(gguf.path)).toEqual({ path: base.path, state: 'unchanged' });
  expect(await originOf(gguf.path, 'onnx', cacheFolder)).toBeNull();
  const moved = join(temporaryFolder(), 'other.gguf');
  renameSync(gguf.path, moved);
  expect(await found(moved)).toEqual({ path: base.path, state: 'unchanged' });
  const copy = join(temporaryFolder(), 'copy.gguf');
  copyFileSync(moved, copy);
  utimesSync(copy, 1, 1);
  expect(await found(copy)).toBeNull();
  writeFileSync(join(folder, 'tokenizer_config.json'), '{}');
  expect(await found(moved)).toEqual({ path: base.path, state: 'changed' });
  rmSync(join(folder, 'config.json'));
  expect(await found(moved)).toEqual({ path: base.path, state: 'changed' });
  rmSync(folder, { recursive: true });
  expect(await found(moved)).toEqual({ path: base.path, state: 'gone' });
});

/** What builds a folder, one file in it after the other. */
const build = (path: string, name: string, launcher: Launcher) =>
  buildFile(
    {
      path,
      bytes: 1,
      what: 'x',
      cpus: [],
      timeLimitSeconds: null,
      task: (outputPath) => ({ name: 'write', request: { outputPath, name } }) as never,
    },
    launcher,
  );

async function write({ outputPath, name }: { outputPath: string; name: string }) {
  mkdirSync(outputPath, { recursive: true });
  for (const part of ['a', 'b']) {
    await sleep(20);
    writeFileSync(join(outputPath, `${name}-${part}`), 'whole');
  }
  return { warnings: [], facts: {} };
}

test('what a process that was killed left of the same file is no part of it, whatever id it had, and nobody else’s goes', async () => {
  const folder = temporaryFolder();
  const ids = [process.pid, process.ppid, 2 ** 22 + 1];
  const drafts = ids.flatMap((id) => [`x.${id}.draft`, `x.${id}.draft.walk.draft`]);
  for (const name of [...drafts, `y.${process.pid}.draft`, 'x.draft']) {
    mkdirSync(join(folder, name));
    if (name !== drafts[0]) continue;
    writeFileSync(join(folder, name, 'left'), 'half');
  }
  await build(join(folder, 'x'), 'one', doHere({ write }));
  expect(readdirSync(folder).sort()).toEqual(['x', 'x.draft', `y.${process.pid}.draft`]);
  expect(readdirSync(join(folder, 'x'))).toEqual(['one-a', 'one-b']);
});

test('two that make the same file do it one after the other', async () => {
  const path = join(temporaryFolder(), 'x');
  const launcher = doHere({ write });
  await Promise.all([build(path, 'one', launcher), build(path, 'two', launcher)]);
  expect(readdirSync(dirname(path))).toEqual(['x']);
  expect(readdirSync(path)).toHaveLength(2);
});
