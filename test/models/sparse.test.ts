import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startTrial } from '../../agent/trial/start.js';
import { pruneFile } from '../../artifacts/pruning/prune.js';
import { toFailure } from '../../core/errors.js';
import type { Options } from '../../core/experiment/experiment.js';
import { resultSchema } from '../../core/result/result.js';
import { QUALITY } from '../../core/sweep/schema.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { cpuLevels } from '../../engines/native/cpu-levels.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { type LlamaModel, quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { type GeneratorRequest, open } from '../../engines/runners/runner.js';
import { sparseRunner } from '../../engines/runners/sparse/index.js';
import type { SparseModel } from '../../engines/runners/sparse/model.js';
import { importKoffi } from '../../process/koffi.js';
import { lease, trialContext } from '../support/bench.js';
import { sharedFolder } from '../support/folder.js';
import { ROOT } from '../support/ridge.js';
import { load, modelPath, prompt, rootMeanSquare } from './loading.js';
import { asQwen3, changed, writeShape } from './training.js';

const library = kernelsLibrary();
const sample = readFileSync(join(ROOT, 'models/sample.txt'), 'utf8').slice(0, 8000);
const folder = sharedFolder();

async function prune(input: string, word: string): Promise<string> {
  const outputPath = join(folder, `${input.replace(/\W+/g, '-')}-${word.replace(/\W+/g, '-')}.gguf`);
  const textPath = word.startsWith('wanda') ? join(ROOT, 'models/sample.txt') : null;
  const inputPath = modelPath(input);
  await pruneFile({ inputPath, outputPath, sparsity: word, textPath, threads: 1 }, () => {});
  return outputPath;
}

/** The same weights in bf16, which llama.cpp multiplies as our kernels do. */
async function inBf16(inputPath: string): Promise<string> {
  const outputPath = inputPath.replace('.gguf', '-bf16.gguf');
  const quantization = plainQuantization('bf16');
  await quantizeFile({ inputPath, outputPath, quantization, imatrix: null, threads: 1 });
  return outputPath;
}

async function sparse(path: string, options: Options = {}, rest: Partial<GeneratorRequest> = {}) {
  return (await open(sparseRunner, 'generator', {
    modelPath: path,
    options: { threads: 1, ...options },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
    contextTokens: 400,
    sequences: 1,
    ...rest,
  })) as SparseModel;
}

const best = (logits: Float32Array) => logits.indexOf(Math.max(...logits));
/** How far the best token is before the second. */
const lead = (logits: Float32Array) => {
  const [first, second] = logits.toSorted((a, b) => b - a);
  return first! - second!;
};
const largest = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

/** Greedy continuations of one prompt. @returns the differences of their logits, and what each said. */
function compare(ours: SparseModel, theirs: LlamaModel | SparseModel, tokens: Int32Array, steps = 40) {
  const said = { ours: [] as number[], theirs: [] as number[], leads: [] as number[] };
  const found = { most: 0, rms: 0, said };
  for (const model of [ours, theirs]) {
    model.reset(0);
    model.prefill([tokens]);
  }
  for (let i = 0; i < steps; i++) {
    const [a, b] = [ours.logits(0), theirs.logits(0)];
    found.most = Math.max(found.most, largest(a, b));
    found.rms = Math.max(found.rms, rootMeanSquare(a, b));
    said.ours.push(best(a));
    said.theirs.push(best(b));
    said.leads.push(lead(b));
    // Both go on with what llama.cpp says, so that one difference does not make all that follow.
    ours.step(Int32Array.of(best(b)));
    theirs.step(Int32Array.of(best(b)));
  }
  return found;
}

describe.skipIf(library === null)('sparse weights in a whole model (needs the native kernels)', () => {
  const cases = [
    ['tiny', 'wanda:60%?sequences=6&tokens=128'],
    ['small', 'magnitude:60%'],
  ] as const;
  test.each(cases)('%s, %s: what llama.cpp computes from the same file', async (name, word) => {
    const path = await inBf16(await prune(name, word));
    const theirs = await load(path, {}, { contextTokens: 400 });
    for (const sparseFormat of ['bitmap', 'none']) {
      const ours = await sparse(path, { sparseFormat });
      const text = theirs.text.tokenize(sample, true);
      // From 250 tokens on the first 256 cells are soon full, so that the graph is built again on the way.
      for (const tokens of [text.subarray(0, 250), text.subarray(900, 940), prompt(20, 2)]) {
        const { most, rms, said } = compare(ours, theirs, tokens);
        expect(most).toBeLessThan(0.15);
        expect(rms).toBeLessThan(0.05);
        // Where the best two are as near as rounding, either may come first.
        const clear = said.leads.map((lead) => lead > 2 * most);
        expect(clear.filter(Boolean).length).toBeGreaterThanOrEqual(32);
        expect(said.ours.filter((_, i) => clear[i])).toEqual(said.theirs.filter((_, i) => clear[i]));
        expect(said.ours.filter((token, i) => token !== said.theirs[i]).length).toBeLessThanOrEqual(1);
      }
      expect(ours.facts.environment).toMatchObject({
        zeroShare: expect.closeTo(0.6, 1),
        matricesWithoutZeros: sparseFormat === 'bitmap' ? Number(ours.facts.environment.matrices) - 1 : 0,
      });
      ours.close();
    }
    theirs.close();
  });

  test('int8 is near, and its zeros change nothing', async () => {
    const path = await prune('small', 'magnitude:70%');
    const theirs = await load(path, {}, { contextTokens: 400 });
    const [without, dense] = [
      await sparse(path, { sparseType: 'int8' }),
      await sparse(path, { sparseType: 'int8', sparseFormat: 'none' }),
    ];
    const { rms, said } = compare(without, theirs, prompt(64, 3));
    expect(rms).toBeLessThan(0.3);
    expect(said.ours.filter((token, i) => token !== said.theirs[i]).length).toBeLessThanOrEqual(4);
    // Sums of integers are exact: only the order of the rest could differ.
    expect(compare(without, dense, prompt(64, 3)).most).toBeLessThan(1e-3);
    const bytes = [without, dense].map(({ facts }) => Number(facts.environment.packedBytes));
    // 30 % of 8 bits and one bit each, beside a vocabulary that is kept whole.
    expect(bytes[0]! / bytes[1]!).toBeGreaterThan(3.4 / 8);
    expect(bytes[0]! / bytes[1]!).toBeLessThan(0.6);
    for (const model of [theirs, without, dense]) model.close();
  });

  test('only matrices with zeros go without them', async () => {
    const path = await prune('tiny', 'magnitude:60%?layers=ffn_down');
    const [ours, theirs] = [await sparse(path), await load(path, {}, { contextTokens: 400 })];
    expect(ours.facts.environment).toMatchObject({ matrices: 17, matricesWithoutZeros: 4 });
    expect(compare(ours, theirs, prompt(30, 9), 8).rms).toBeLessThan(0.1);
    for (const model of [ours, theirs]) model.close();
  });

  test('tokens in chunks, one by one, in several sequences and after a reset say the same', async () => {
    const path = await prune('tiny', 'magnitude:50%');
    const tokens = prompt(40, 4);
    const one = await sparse(path);
    one.prefill([tokens]);
    const expected = one.logits(0);
    one.reset(10);
    for (const token of tokens.subarray(10)) one.step(Int32Array.of(token));
    expect(rootMeanSquare(one.logits(0), expected)).toBeLessThan(0.02);
    const rows: Float32Array[] = [];
    one.reset(0);
    one.text!.evaluate(tokens, 30, (index, row) => rows.push(index === 39 ? row.slice() : row));
    expect(rows).toHaveLength(10);
    expect(rootMeanSquare(rows[9]!, expected)).toBeLessThan(0.02);

    const three = await sparse(path, { threads: 2 }, { sequences: 3 });
    const others = [prompt(40, 5), tokens, prompt(40, 6)];
    three.prefill(others);
    expect(rootMeanSquare(three.logits(1), expected)).toBeLessThan(0.02);
    three.step(Int32Array.of(5, 6, 7));
    one.step(Int32Array.of(6));
    expect(rootMeanSquare(three.logits(1), one.logits(0))).toBeLessThan(0.02);
    expect(rootMeanSquare(three.logits(0), one.logits(0))).toBeGreaterThan(0.1);
    for (const model of [one, three]) model.close();
  });

  const qwen2 =
    'synthetic:qwen2?layers=2&embedding=128&headLength=32&kvHeads=2&vocabulary=1000&contextLength=512';
  test.each([
    ['biases', () => writeShape(folder, qwen2)],
    ['norms of heads', async () => asQwen3(await writeShape(folder, qwen2), folder)],
    [
      'factors of positions and odd widths',
      () =>
        writeShape(
          folder,
          'synthetic:llama-3.2-3b?layers=1&vocabulary=512&embedding=512&feedForward=500&type=f32',
        ),
    ],
  ] as const)('%s', async (_, write) => {
    const base = await write();
    const path = await inBf16(await prune(base, 'magnitude:50%'));
    const [ours, theirs] = [await sparse(path), await load(path, {}, { contextTokens: 400 })];
    const tokens = prompt(50, 7).map((token) => token % 500);
    const { most } = compare(ours, theirs, tokens, 8);
    const scale = Math.max(...theirs.logits(0).map(Math.abs));
    expect(most / scale).toBeLessThan(0.02);
    for (const model of [ours, theirs]) model.close();
  });

  test.each(['bf16', 'int8'])('%s on a processor without its instructions', async (sparseType) => {
    const path = await prune('tiny', 'magnitude:60%');
    const levels = cpuLevels({ handle: (await importKoffi()).load(library!) });
    const whole = await sparse(path, { sparseType });
    const highest = levels.inUse();
    levels.limit('scalar');
    try {
      for (const sparseFormat of ['bitmap', 'none']) {
        const plain = await sparse(path, { sparseType, sparseFormat });
        expect(compare(plain, whole, prompt(20, 8), 5).rms).toBeLessThan(0.05);
        plain.close();
      }
    } finally {
      levels.limit(highest);
    }
    whole.close();
  });

  test('a model that cannot be is refused in a sentence', async () => {
    const reason = async (path: string, options: Options = {}) =>
      toFailure(await sparse(path, options).catch((error: unknown) => error));
    const text = (value: string) => ({ type: 'string', value }) as const;
    const metadata = new Map([['general.architecture', text('gemma3')]]);
    expect(await reason(await changed('tiny', folder, 'gemma', { metadata }))).toMatchObject({
      code: 'model-unsupported',
      message: expect.stringMatching(/cannot be run with sparse weights: its architecture is gemma3/),
    });
    expect(await reason(modelPath('tiny'))).toMatchObject({
      code: 'impossible-combination',
      message: expect.stringMatching(/^0\.\d % of the weights of tiny-f16.gguf are 0/),
      hint: expect.stringContaining('sparseFormat to none'),
    });
    const quantized = join(folder, 'q8.gguf');
    const quantization = plainQuantization('q8_0');
    const request = { inputPath: modelPath('tiny'), outputPath: quantized, quantization, imatrix: null };
    await quantizeFile({ ...request, threads: 1 });
    expect((await reason(quantized)).message).toMatch(
      /is q8_0, and the runner sparse packs f16, bf16 or f32/,
    );
    expect((await reason(modelPath('tiny'), { sparseType: 'int4' })).message).toMatch(
      /sparseType cannot be "int4": .*expected one of "bf16"\|"int8"/,
    );
  });

  test('a sweep runs it like any other runner, and asks it', { timeout: 120_000 }, async () => {
    const node = trialContext({ limits: { idleSeconds: 0 } });
    const run = async (sparseType: string) => {
      const changes = {
        runner: { kind: 'sparse', options: { threads: 1, sparseType } },
        technique: { ...UNCHANGED, sparsity: 'magnitude:60%' },
        quality: {
          ...QUALITY.parse({ contextTokens: 64, maxWindows: 8 }),
          text: 'builtin:sample',
          tasks: [],
        },
      };
      const record = await startTrial(lease(changes), node).done;
      return resultSchema.parse(JSON.parse(JSON.stringify(record)));
    };
    const [bf16, int8] = [await run('bf16'), await run('int8')];
    for (const record of [bf16, int8]) {
      expect(record.failure).toBeNull();
      expect(record.measurements.decodeTokensPerSecond?.value).toBeGreaterThan(0);
      expect(record.environment).toMatchObject({ zeroShare: expect.closeTo(0.6, 1), matrices: 17 });
    }
    // Another type says something else, a little: its answers are its own.
    const [a, b] = [bf16, int8].map((record) => record.measurements.perplexity!.value);
    expect(b).not.toBe(a);
    expect(b! / a!).toBeCloseTo(1, 1);
  });
});
