import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadAgentConfig } from '../../../agent/config.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { resolveModels } from '../../../cli/local-models.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { FileServer } from '../../support/file-server.js';
import { temporaryFolder } from '../../support/folder.js';
import { sweep, TINY } from '../../support/quick-sweep.js';
import { sound } from '../../support/reading.js';

async function resolve(names: readonly string[]): Promise<unknown> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'broken.gguf'), 'GGUF');
  const models = [TINY, ...names.map((name) => ({ name, source: `${name}.gguf` }))];
  const parsed = sound(parseSweep(sweep({ models })));
  return await resolveModels(parsed.sweep, { modelFolders: [folder], cacheFolder: folder }).catch(
    (error: unknown) => error,
  );
}

test('every model that cannot be used is named at once', async () => {
  const error = await resolve(['lost', 'broken']);
  expect(error).toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(/lost\.gguf.*\n.*broken\.gguf/),
  });
});

test('of a model elsewhere a plan reads the header alone, and a run fetches it', async () => {
  const server = await new FileServer().start();
  const source = server.put('/tiny.gguf', readFileSync(join(builtinFolder(), 'tiny-f16.gguf')));
  const parsed = sound(parseSweep(sweep({ models: [{ name: 'far', source }] })));
  const cacheFolder = temporaryFolder();
  const { sources, artifactBytes } = loadAgentConfig({
    env: {},
    overrides: { sources: { https: [server.url] } },
  });
  const settings = { modelFolders: [], cacheFolder, sources: { policy: sources, artifactBytes } };
  const [planned] = await resolveModels(parsed.sweep, settings, undefined, false);
  expect(planned).toMatchObject({
    digest: null,
    facts: { layers: 4, quantization: 'f16', bytes: 2_327_520 },
  });
  expect(readdirSync(cacheFolder)).toEqual([]);
  const why: string[] = [];
  const bare = { modelFolders: [], cacheFolder };
  await resolveModels(parsed.sweep, bare, (_, reason) => why.push(reason), false);
  expect(why).toEqual([`this node may not fetch ${source}`]);
  const [opened] = await resolveModels(parsed.sweep, settings);
  expect(opened).toMatchObject({ digest: expect.stringMatching(/^sha256:/), facts: planned!.facts });
});

test('only names that lead nowhere are wrong words', async () => {
  expect(await resolve(['lost', 'gone'])).toMatchObject({ exitCode: 2 });
});
