import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { builtinFolder } from '../../artifacts/files/source.js';
import { sharedFolder } from '../support/folder.js';
import { openPacked, unpackMatrix } from '../support/packed-reader.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();
let env: Record<string, string>;
beforeAll(() => {
  env = { XDG_CACHE_HOME: join(folder, 'cache') };
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(folder, 'tiny.gguf'));
});

const prune = (...args: string[]) => ridge(['prune', ...args], { cwd: folder, env });

describe('ridge prune', () => {
  test('prunes with a calibration, says what it did to every layer, and packs what is left', async () => {
    const settings = ['--sequences', '2', '--tokens', '64', '--threads', '1', '--packed', 'bitmap'];
    const done = await prune('tiny.gguf', 'half.gguf', '-m', 'dsnot', '-r', '0.5', ...settings, '--json');
    expect(done.code, done.stderr).toBe(0);
    const said = JSON.parse(done.stdout);
    expect(said).toMatchObject({
      word: 'dsnot:50%?sequences=2&tokens=64',
      calibration: { text: 'builtin:sample', sequences: 2, tokens: 128 },
      totals: { layers: 28, sparsity: 0.5 },
      packed: { format: 'bitmap', type: 'f16' },
    });
    expect(said.layers).toHaveLength(28);
    expect(said.packed.bitsPerWeight).toBeGreaterThan(said.packed.idealBitsPerWeight);
    expect(said.packed.bitsPerWeight).toBeLessThan(10);
    expect(done.stderr).toMatch(/tiny\.gguf by dsnot:50%.*: 8\/8/);
    const packed = openPacked(join(folder, 'half.bitmap.safetensors'));
    const { values } = unpackMatrix(await packed.read('blk.3.ffn_down.weight'));
    expect(values.filter((value) => value === 0).length).toBeGreaterThanOrEqual(values.length / 2);
  });

  test('a table is what people get: a line for each kind of layer, and one for all', async () => {
    const done = await prune('builtin:tiny', 'grouped.gguf', '--method', 'magnitude', '--ratio', '2:4');
    expect(done.code, done.stderr).toBe(0);
    const lines = done.stdout.trim().split('\n');
    expect(lines).toHaveLength(9);
    expect(lines.at(-1)).toMatch(/^all +50\.0% +50\.0%–50\.0%/);
  });

  test.each([
    [['tiny.gguf', 'x.gguf', '-m', 'wandas', '-r', '50%'], 2, 'Did you mean wanda:50%?'],
    [['tiny.gguf', 'x.gguf', '-m', 'wanda', '-r', '50'], 2, 'Did you mean wanda:50%?'],
    [['tiny.gguf', 'x.gguf', '-m', 'wanda', '-r', '50%', '--mode', 'strict'], 2, 'no setting "mode"'],
    [['tiny.gguf', 'x.gguf', '-m', 'wanda', '-r', '50%', '--tokens', '1'], 2, 'tokens of'],
    [['tiny.gguf', 'x.gguf', '-m', 'wanda'], 2, '--ratio'],
    [['tiny.gguf', 'x.gguf', '-m', 'wanda', '-r', '50%', '--packed', '2:4'], 2, 'Prune with --ratio 2:4'],
    [['tiny.gguf', 'x.gguf', '-m', 'wanda', '-r', '50%', '--text', 'none.txt'], 2, 'none.txt'],
    [['tiny.gguf', 'x.gguf', '-m', 'magnitude', '-r', '3:7'], 2, 'needs a width that divides by 7'],
    [['tiny.gguf', 'tiny.gguf', '-m', 'magnitude', '-r', '50%', '-f'], 2, 'the output is the input'],
    [
      ['synthetic:llama?layers=1&embedding=64', 'x.gguf', '-m', 'magnitude', '-r', '50%'],
      2,
      'random weights',
    ],
    [['bad.gguf', 'x.gguf', '-m', 'magnitude', '-r', '50%'], 1, 'bad.gguf is not usable'],
  ])('%j ends with %i and says why', async (args, code, why) => {
    writeFileSync(join(folder, 'bad.gguf'), 'no model');
    const done = await ridgeHere(['prune', ...args], { cwd: folder, env });
    expect(done.code, done.stderr).toBe(code);
    expect(done.stderr).toContain(why);
    expect(done.stdout).toBe('');
    expect(readdirSync(folder).filter((name) => name.startsWith('x.'))).toEqual([]);
  });
});
