import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { builtinFolder } from '../../artifacts/files/source.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { readOnnx } from '../../formats/onnx/reader.js';
import { sharedFolder } from '../support/folder.js';
import { ridge, startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const graph = join(import.meta.dirname, '../fixtures/onnx/grouped.onnx');
const folder = sharedFolder();
let env: Record<string, string>;
beforeAll(() => {
  env = { XDG_CACHE_HOME: join(folder, 'cache') };
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(folder, 'tiny.gguf'));
});

const quantize = (args: readonly string[], cwd = folder) => ridge(['quantize', ...args], { cwd, env });

describe('ridge quantize', () => {
  test('writes the file that a sweep would run, and sums it up', async () => {
    const done = await quantize(['tiny.gguf', 'out.gguf', '--type', 'q4_k_m', '--threads', '1', '--json']);
    expect(done.code, done.stderr).toBe(0);
    const header = readGgufHeader(join(folder, 'out.gguf'));
    const said = JSON.parse(done.stdout);
    expect(said).toMatchObject({ quantization: 'q4_k_m', threads: 1, fileBytes: header.fileBytes });
    expect(said.bitsPerWeight).toBeGreaterThan(4.5);
    expect(said.bitsPerWeight).toBeLessThan(16);
    expect(said.warnings[0]).toContain('do not allow q4_k_m');
    expect(said.fallbacks).toContain('q4_k became q5_0');
    type Sum = { type: string; tensors: number; weights: number; bytes: number; bitsPerWeight: number };
    const types = said.types as Sum[];
    const total = (key: 'tensors' | 'weights' | 'bytes') => types.reduce((sum, one) => sum + one[key], 0);
    expect(total('tensors')).toBe(header.tensors.length);
    expect(total('bytes')).toBe(said.weightBytes);
    expect((8 * total('bytes')) / total('weights')).toBeCloseTo(said.bitsPerWeight, 12);
    expect(types.find(({ type }) => type === 'q5_0')?.bitsPerWeight).toBe(5.5);
    expect(done.stderr).toMatch(/tiny\.gguf to q4_k_m: 38\/38/);
  });

  test('everything that a sweep can ask for, with an importance matrix of a text', async () => {
    const args = ['tiny.gguf', 'fine.gguf', '--type', 'Q4_0', '--tensor-type', 'attn_v=Q8_0'];
    const more = '--tensor-type ffn_up:q5_1 --embedding-type q8_0 --importance builtin:sample'.split(' ');
    const done = await quantize([
      ...args,
      ...more,
      '--importance-sequences',
      '2',
      '--threads',
      '1',
      '--json',
    ]);
    expect(done.code, done.stderr).toBe(0);
    const said = JSON.parse(done.stdout);
    expect(said.quantization).toBe(
      'q4_0?embeddingType=q8_0&importance=builtin:sample&importanceSequences=2&tensorTypes=attn_v:q8_0,ffn_up:q5_1',
    );
    const { tensors, metadata } = readGgufHeader(join(folder, 'fine.gguf'));
    const types = new Map(tensors.map(({ name, type }) => [name, type]));
    expect(types.get('blk.3.attn_v.weight')).toBe('q8_0');
    expect(types.get('blk.3.ffn_up.weight')).toBe('q5_1');
    expect(types.get('token_embd.weight')).toBe('q8_0');
    expect(types.get('blk.3.attn_q.weight')).toBe('q4_0');
    expect(metadata.get('quantize.imatrix.file')).toBe('builtin:sample');
    expect(metadata.get('quantize.imatrix.chunks_count')).toBe(2);
  });

  test('takes a synthetic model, and a table is what people get', async () => {
    const source = 'synthetic:llama?layers=1&embedding=256&vocabulary=256';
    const done = await quantize([source, 'random.gguf', '--type', 'q8_0']);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toMatch(/bits per weight\s+16\.\d{4}\s+8\.5\d{3}/);
    expect(done.stdout).toMatch(/q8_0\s+\d+\s+[\d,]+\s+.*8\.5000/);
    expect(readGgufHeader(join(folder, 'random.gguf')).metadata.get('ridgepoint.synthetic')).toBe(true);
  });

  test('a graph is made half precision by the word that files have, too', async () => {
    const done = await quantize([graph, 'half', '--type', 'f16', '--json']);
    expect(done.code, done.stderr).toBe(0);
    const { bytes, baseBytes } = JSON.parse(done.stdout);
    expect(bytes).toBeLessThan(0.7 * baseBytes);
    expect(readOnnx(join(folder, 'half', 'model.onnx')).graph.nodes.length).toBeGreaterThan(0);
  });

  test.each([
    [[graph, 'x', '--type', 'q4_k_m'], 2, 'q4_k_m is a type of llama.cpp, and this is an ONNX graph'],
    [['tiny.gguf', 'x.gguf', '--type', 'q4_km'], 2, 'Did you mean q4_k_m?'],
    [['tiny.gguf', 'x.gguf', '--type', 'iq1_s'], 2, 'needs an importance matrix'],
    [
      ['tiny.gguf', 'x.gguf', '--type', 'q4_0', '--tensor-type', 'attn_w:q8_0'],
      2,
      'attn_w:q8_0 matches no matrix',
    ],
    [['tiny.gguf', 'x.gguf', '--type', 'q4_0', '--tensor-type', 'attn_v:q9'], 2, 'must be parts of names'],
    [['tiny.gguf', 'x.gguf', '--type', 'q4_0', '--output-type', 'q9'], 2, 'outputType of'],
    [['tiny.gguf', 'x.gguf', '--type', 'q4_0', '--imatrix', 'none'], 2, 'there is no file none'],
    [['tiny.gguf', 'x.gguf', '--type', 'q4_0', '--imatrix', 'tiny.gguf'], 1, 'is no importance matrix'],
    [['tiny.gguf', 'x.gguf', '--type', 'iq2_xs', '--importance', 'none.txt'], 2, 'there is no file none.txt'],
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
    const done = await ridgeHere(['quantize', ...args], { cwd: folder, env });
    expect(done.code, done.stderr).toBe(code);
    expect(done.stderr).toContain(why);
    expect(done.stdout).toBe('');
    expect(readdirSync(folder)).not.toContain('x.gguf');
    expect(readFileSync(join(folder, 'there.gguf'), 'utf8')).toBe('kept');
  });

  test('interrupted, it stops at once and leaves nothing', async () => {
    const out = mkdtempSync(join(folder, 'out-'));
    // K-quants search for scales: seconds of native work that hears no signal.
    const source = 'synthetic:llama?layers=8&embedding=1024&vocabulary=512';
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
