import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();
const cache = { XDG_CACHE_HOME: join(folder, 'cache') };
const adapt = (...args: readonly string[]) => ridge(['adapt', ...args], { cwd: folder, env: cache });

const adaptHere = (...args: readonly string[]) => ridgeHere(['adapt', ...args], { cwd: folder, env: cache });

describe('ridge adapt', () => {
  test('merges, with progress, a summary and JSON', async () => {
    const made = await adapt('merge', 'builtin:small', 'builtin:small-pgdoc-r4*0.5', 'out.gguf', '--json');
    expect(made.code, made.stderr).toBe(0);
    expect(JSON.parse(made.stdout)).toMatchObject({
      output: join(folder, 'out.gguf'),
      adapters: [{ source: 'builtin:small-pgdoc-r4', scale: 0.5 }],
      rank: '4',
      matrices: 56,
      adapterParameters: 155_648,
    });
    expect(made.stderr).toContain('56/56');
    const again = await adaptHere('merge', 'builtin:small', 'builtin:small-pgdoc-r4', 'out.gguf');
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('out.gguf is there already')]);
  });

  test('converts to PEFT and back without a byte of the numbers lost', async () => {
    const there = await adaptHere('convert', 'builtin:small-pgdoc-r4', 'peft', '--model', 'builtin:small');
    expect(there.code, there.stderr).toBe(0);
    const back = await adaptHere('convert', 'peft', 'back.gguf', '--model', 'builtin:small');
    expect(back.stderr).toContain('lora of rank 4 on 56 matrices as f32');
    const numbers = (path: string) => readFileSync(path).subarray(-155_648 * 4);
    const shipped = join(import.meta.dirname, '../../models/adapters/small-pgdoc-r4.gguf');
    expect(numbers(join(folder, 'back.gguf')).equals(numbers(shipped))).toBe(true);
  });

  test('says what an adapter is, and refuses one of another model with nothing left behind', async () => {
    const seen = await adaptHere('inspect', 'builtin:small-pgdoc-r16', '--model', 'builtin:small', '--json');
    expect(JSON.parse(seen.stdout)).toMatchObject({ kind: 'lora', ranks: [16], attachable: true });
    const refused = await adaptHere('merge', 'builtin:tiny', 'builtin:small-pgdoc-r4', 'no.gguf');
    expect([refused.code, existsSync(join(folder, 'no.gguf'))]).toEqual([2, false]);
    expect(refused.stderr).toMatch(
      /is for another model than builtin:tiny: .*as \[256, 256\], and the model has \[128, 128\]/,
    );
  });

  test('compares merged with attached', async () => {
    const found = await adapt(
      ...['compare', 'builtin:small', 'builtin:small-pgdoc-r4', '--max-windows', '1', '--json'],
    );
    expect(found.code, found.stderr).toBe(0);
    const { normalizedSquaredError, largestDifference, divergence } = JSON.parse(found.stdout);
    expect(normalizedSquaredError).toBeLessThan(1e-5);
    expect(normalizedSquaredError).toBeGreaterThan(0);
    expect(largestDifference).toBeLessThan(0.2);
    expect(divergence.sameTop.value).toBeGreaterThan(0.98);
  });
});
