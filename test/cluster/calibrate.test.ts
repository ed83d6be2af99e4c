import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readStatistics } from '../../artifacts/calibration/saved.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();
let env: Record<string, string>;
beforeAll(() => {
  env = { XDG_CACHE_HOME: join(folder, 'cache') };
  writeFileSync(join(folder, 'short.txt'), 'Once upon a time');
  writeFileSync(join(folder, 'there.gguf'), 'kept');
});

const words = (...args: readonly string[]) => ['calibrate', ...args, '--threads', '1'];
const calibrate = (...args: readonly string[]) => ridge(words(...args), { cwd: folder, env });
const calibrateHere = (...args: readonly string[]) => ridgeHere(words(...args), { cwd: folder, env });

describe('ridge calibrate', () => {
  test('writes what layers see, as statistics and as an importance matrix, and sums it up', async () => {
    const few = ['builtin:tiny', '--sequences', '3', '--tokens', '64'];
    const first = await calibrate(...few, '--output', 'seen.safetensors', '--json');
    expect(first.code, first.stderr).toBe(0);
    const said = JSON.parse(first.stdout);
    expect(said).toMatchObject({ sequences: 3, tokens: 192, windows: { scheme: 'random', seed: 0 } });
    const { layers, origin } = await readStatistics(join(folder, 'seen.safetensors'));
    expect(said.layers.map(({ name }: { name: string }) => name)).toEqual([...layers.keys()]);
    expect(origin).toMatchObject({ textName: 'builtin:sample', computedOn: 'cpu' });
    expect(first.stderr).toMatch(/builtin:tiny on builtin:sample: 3\/3/);

    const again = await calibrateHere(...few);
    expect(again.stderr).toContain('from the cache');
    expect(again.stdout).toMatch(/^blk\.3\.ffn_down +256 +[\d.e]+ +[\d.e]+ +\d\.\d\d +0$/m);

    const matrix = await calibrateHere(...few, '--output', 'importance.gguf');
    expect(matrix.code, matrix.stderr).toBe(0);
    expect(matrix.stderr).toContain('chunks');
    const { metadata } = readGgufHeader(join(folder, 'importance.gguf'));
    expect(metadata.get('imatrix.chunk_size')).toBe(64);
  });

  test.each([
    [['builtin:tiny', '--text', 'short.txt'], 'the text has 4 tokens, and a calibration sequence needs 512'],
    [['builtin:tiny', '--text', 'none.txt'], 'there is no text none.txt'],
    [['none.gguf'], 'there is no file none.gguf'],
    [['synthetic:llama-3.2-1b'], 'no text can be run through it'],
    [['builtin:tiny', '--format', 'imatrix'], '--output'],
    [['builtin:tiny', '--output', 'there.gguf'], 'Use --force'],
    [['builtin:tiny', '--seed', '-1'], 'whole number'],
  ])('%j is refused with the reason', async (args, why) => {
    const done = await calibrateHere(...args);
    expect(done.code, done.stderr).toBe(2);
    expect(done.stderr).toContain(why);
    expect(done.stdout).toBe('');
    expect(existsSync(join(folder, 'x.gguf'))).toBe(false);
  });
});
