import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readGgufHeader } from '../../agent/artifacts/gguf/header.js';
import { builtinFolder } from '../../agent/artifacts/source.js';
import { ridge, startRidge } from '../support/ridge.js';

let folder: string;
let env: Record<string, string>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ridgepoint-quantize-'));
  env = { XDG_CACHE_HOME: join(folder, 'cache') };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const quantize = (args: readonly string[], cwd = folder) => ridge(['quantize', ...args], { cwd, env });

describe('ridge quantize', () => {
  test('writes the file that a sweep would run, and sums it up', async () => {
    copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(folder, 'tiny.gguf'));
    const done = await quantize(['tiny.gguf', 'out.gguf', '--type', 'q4_k_m', '--threads', '1', '--json']);
    expect(done.code, done.stderr).toBe(0);
    const header = readGgufHeader(join(folder, 'out.gguf'));
    const said = JSON.parse(done.stdout);
    expect(said).toMatchObject({ type: 'q4_k_m', threads: 1, fileBytes: header.fileBytes });
    expect(said.bitsPerWeight).toBeGreaterThan(4.5);
    expect(said.bitsPerWeight).toBeLessThan(16);
    expect(said.warnings[0]).toContain('do not allow q4_k_m');
    const counted = Object.values(said.types as Record<string, number>).reduce((a, b) => a + b, 0);
    expect(counted).toBe(header.tensors.length);
    expect(done.stderr).toMatch(/tiny\.gguf to q4_k_m: 38\/38/);
  });

  test('takes a synthetic model, and a table is what people get', async () => {
    const source = 'synthetic:llama?layers=1&embedding=256&vocabulary=256';
    const done = await quantize([source, 'random.gguf', '--type', 'q8']);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toMatch(/bits per weight\s+16\.\d\d\s+8\.5\d/);
    expect(readGgufHeader(join(folder, 'random.gguf')).metadata.get('ridgepoint.synthetic')).toBe(true);
  });

  test.each([
    [['tiny.gguf', 'x.gguf', '--type', 'q4_km'], 2, 'Did you mean q4_k_m?'],
    [['tiny.gguf', 'x.gguf', '--type', 'iq1_s'], 2, 'needs an importance matrix'],
    [['tiny.gguf', 'x.gguf'], 2, '--type'],
    [['none.gguf', 'x.gguf', '--type', 'q8_0'], 2, 'there is no file none.gguf'],
    [['tiny.gguf', 'none/x.gguf', '--type', 'q8_0'], 2, 'there is no folder'],
    [['tiny.gguf', '.', '--type', 'q8_0'], 2, 'is a folder'],
    [['tiny.gguf', 'there.gguf', '--type', 'q8_0'], 2, 'Use --force'],
    [['tiny.gguf', 'tiny.gguf', '--type', 'q8_0', '--force'], 2, 'the output is the input'],
    [['synthetic:lama?layers=1', 'x.gguf', '--type', 'q8_0'], 2, 'Did you mean llama?'],
    [['there.gguf', 'x.gguf', '--type', 'q8_0'], 1, 'there.gguf is not usable'],
  ])('%j ends with %i and says why', async (args, code, why) => {
    writeFileSync(join(folder, 'there.gguf'), 'kept');
    const done = await quantize(args);
    expect(done.code, done.stderr).toBe(code);
    expect(done.stderr).toContain(why);
    expect(done.stdout).toBe('');
    expect(readdirSync(folder)).not.toContain('x.gguf');
    expect(readFileSync(join(folder, 'there.gguf'), 'utf8')).toBe('kept');
  });

  test('interrupted, it stops at once and leaves nothing', { timeout: 60_000 }, async () => {
    const out = mkdtempSync(join(folder, 'out-'));
    // K-quants search for scales: seconds of native work that hears no signal.
    const source = 'synthetic:llama?layers=16&embedding=1024&vocabulary=512';
    const running = startRidge(
      ['quantize', source, join(out, 'x.gguf'), '--type', 'q2_k', '--threads', '1'],
      {
        env,
      },
    );
    await running.says(/to q2_k: 1\//);
    process.kill(running.process.pid ?? 0, 'SIGINT');
    const ended = await running.ended;
    expect(ended.code, ended.stderr).toBe(130);
    expect(ended.stderr).toContain('interrupted');
    expect(readdirSync(out)).toEqual([]);
  });
});
