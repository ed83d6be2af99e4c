import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { resolveModels } from '../../../cli/local-models.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { sweep, TINY } from '../../bench/bad-input/sweep.js';

async function resolve(names: readonly string[]): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-models-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'broken.gguf'), 'GGUF');
  const models = [TINY, ...names.map((name) => ({ name, source: `${name}.gguf` }))];
  const parsed = parseSweep(sweep({ models }));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
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

test('only names that lead nowhere are wrong words', async () => {
  expect(await resolve(['lost', 'gone'])).toMatchObject({ exitCode: 2 });
});
