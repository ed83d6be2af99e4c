import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { chainName } from '../../../artifacts/files/step.js';
import { stepsFor } from '../../../artifacts/techniques/index.js';
import { FailureError } from '../../../core/errors.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { sharedFolder } from '../../support/folder.js';

const folder = sharedFolder();
const settings = { modelFolders: [folder], cacheFolder: join(folder, 'cache') };

async function steps(technique: Partial<typeof UNCHANGED>, engine = 'llama.cpp test') {
  const base = await resolveModel('builtin:small', settings);
  return await stepsFor({
    base,
    modelName: 'small',
    technique: { ...UNCHANGED, ...technique },
    runnerKind: 'llama-cpp',
    engine,
    settings,
  });
}
const address = async (quantization: string, engine?: string) =>
  chainName('sha256:base', await steps({ quantization }, engine));

describe('the address of a quantized file', () => {
  test('names the text of its importance matrix, how much of it is read, and the engine', async () => {
    writeFileSync(join(folder, 'a.txt'), 'one text');
    const word = 'iq2_xs?importance=a.txt';
    const first = await address(word);
    expect(await address(word)).toBe(first);
    expect(await address(`${word}&importanceTokens=64`)).not.toBe(first);
    expect(await address(word, 'llama.cpp other')).not.toBe(first);
    // The same name with another content, as on a node that has another file there.
    writeFileSync(join(folder, 'a.txt'), 'another text');
    expect(await address(word)).not.toBe(first);
  });

  test('is none for a text that is not there, or lies elsewhere', async () => {
    const code = async (word: string) =>
      await steps({ quantization: word }).then(
        () => null,
        (error: unknown) => (error instanceof FailureError ? error.failure.code : 'thrown'),
      );
    expect(await code('iq2_xs?importance=none.txt')).toBe('model-missing');
    expect(await code('iq2_xs?importance=/etc/hostname')).toBe('source-not-allowed');
    expect(await code('iq2_xs?importance=builtin:none')).toBe('model-missing');
  });
});

test('heads are grouped first and a window is given last; what a model has already is no step', async () => {
  const recipes = async (technique: Partial<typeof UNCHANGED>) =>
    (await steps(technique)).map(({ recipe }) => recipe);
  expect(await recipes({ attention: 'kv-heads:1?window=64', quantization: 'q8_0' })).toEqual([
    'group-heads(1)',
    'quantize(q8_0)',
    'window(64)',
  ]);
  expect(await recipes({ attention: 'kv-heads:2' })).toEqual([]);
  expect(await recipes({ attention: 'window:64?fullEvery=4' })).toEqual(['window(64, full every 4)']);
});
