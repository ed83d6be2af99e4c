import { copyFileSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { buildFile } from '../../../agent/artifacts/build-file.js';
import { originOf } from '../../../agent/artifacts/lineage.js';
import { resolveModel } from '../../../agent/artifacts/resolve.js';
import { ArtifactStore } from '../../../agent/artifacts/store.js';
import { CONVERTERS } from '../../../agent/conversions/index.js';
import type { ConversionTask } from '../../../agent/conversions/job.js';
import { conversionStep } from '../../../agent/conversions/step.js';
import { temporaryFolder } from '../../support/bench.js';
import { doHere } from '../../support/launcher.js';
import { tinyLlama, writeFolder } from '../../support/model-folder.js';

const launcher = doHere({
  convert: ({ conversion, ...rest }: ConversionTask) => CONVERTERS[conversion].convert(rest, () => {}),
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
  expect(await found(gguf.path)).toEqual({ path: base.path, unchanged: true });
  expect(await originOf(gguf.path, 'onnx', cacheFolder)).toBeNull();
  const moved = join(temporaryFolder(), 'other.gguf');
  renameSync(gguf.path, moved);
  expect(await found(moved)).toEqual({ path: base.path, unchanged: true });
  const copy = join(temporaryFolder(), 'copy.gguf');
  copyFileSync(moved, copy);
  utimesSync(copy, 1, 1);
  expect(await found(copy)).toBeNull();
  writeFileSync(join(folder, 'tokenizer_config.json'), '{}');
  expect(await found(moved)).toEqual({ path: base.path, unchanged: false });
});

test('what a process that was killed left of the same file is taken away, and nobody else’s', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'x.gguf');
  // Above any id that Linux gives.
  const dead = 2 ** 22 + 1;
  const drafts = [
    `x.gguf.${dead}.draft`,
    `x.gguf.${dead}.draft.${dead}.draft`,
    `x.gguf.${process.ppid}.draft`,
  ];
  for (const name of [...drafts, `x.gguf.${dead}.draft.fresh`, `y.gguf.${dead}.draft`]) {
    writeFileSync(join(folder, name), 'half');
    if (!name.endsWith('fresh')) utimesSync(join(folder, name), 1, 1);
  }
  const making = { path, bytes: 1, what: 'x', cpus: [], timeLimitSeconds: null };
  const task = (outputPath: string) => ({ name: 'write', request: { outputPath } });
  const write = ({ outputPath }: { outputPath: string }) => {
    writeFileSync(outputPath, 'whole');
    return { warnings: [], facts: {} };
  };
  await buildFile({ ...making, task } as never, doHere({ write: write as never }));
  expect(readdirSync(folder).sort()).toEqual(
    ['x.gguf', `x.gguf.${dead}.draft.fresh`, `x.gguf.${process.ppid}.draft`, `y.gguf.${dead}.draft`].sort(),
  );
});
