import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { measureQuality } from '../../agent/quality/opened/measure.js';
import { resolveModel } from '../../artifacts/files/resolve.js';
import { ArtifactStore, reportPath } from '../../artifacts/files/store.js';
import { type Pruned, pruneFile } from '../../artifacts/pruning/prune.js';
import { stepsFor } from '../../artifacts/techniques/index.js';
import { decodeFloats, encodeFloats } from '../../core/techniques/float-types.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { type PrunedLayerReport, totalsOf } from '../../core/techniques/pruning/summary.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { copyGguf } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { modelPath } from './loading.js';

const sample = join(import.meta.dirname, '../../models/sample.txt');
const folder = sharedFolder();

let count = 0;
async function prune(
  word: string,
  options: { model?: string; text?: string } = {},
): Promise<Pruned & { path: string }> {
  const path = join(folder, `${count++}.gguf`);
  const textPath = /^magnitude(?!.*(outputError|allocation|refine))/.test(word)
    ? null
    : (options.text ?? sample);
  const order = {
    inputPath: modelPath(options.model ?? 'tiny'),
    outputPath: path,
    sparsity: word,
    textPath,
    threads: 1,
  };
  return { ...(await pruneFile(order, () => {})), path };
}

/** Little calibration: what is asked is whether things happen, and which of two is better. */
const QUICK = 'sequences=6&tokens=128&order=dense';

function tensor(path: string, name: string): Buffer {
  const { offset, bytes } = readGgufHeader(path).tensors.find((one) => one.name === name)!;
  return readFileSync(path).subarray(offset, offset + bytes);
}
const weights = (path: string, name: string) => decodeFloats(tensor(path, name), 'f16');
const zeros = (values: Float32Array) => values.reduce((sum, value) => sum + (value === 0 ? 1 : 0), 0);
const layer = ({ report }: Pruned, name: string): PrunedLayerReport =>
  report.layers.find((one) => one.name === name)!;

async function perplexity(path: string): Promise<number> {
  const model = {
    runnerKind: 'llama-cpp',
    modelPath: path,
    options: { threads: 1 },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
  };
  const text = {
    path: sample,
    windows: { scheme: 'llama' as const, context: 256, stride: null },
    basePrecision: 'llama' as const,
    maxWindows: 12,
  };
  const job = { model, base: null, request: { text, tasks: [] }, trainedContext: 512, scorers: {} };
  const outcome = await measureQuality(job, { progress: () => {}, checkStop: async () => {} });
  return outcome.text!.perplexity.value;
}

describe.skipIf(kernelsLibrary() === null)('pruning a file (needs the native kernels)', () => {
  test('zeros are where the report says, kept weights and all other tensors are the base’s', async () => {
    const made = await prune(`wanda:50%?${QUICK}`);
    const { path, report } = made;
    const base = modelPath('tiny');
    const pruned = new Set(report.layers.map(({ name }) => name));
    expect(pruned.size).toBe(28);
    for (const { name } of readGgufHeader(base).tensors) {
      if (!pruned.has(name)) {
        expect(tensor(path, name).equals(tensor(base, name)), name).toBe(true);
        continue;
      }
      const [before, after] = [weights(base, name), weights(path, name)];
      const { columns } = layer(made, name);
      expect(after.findIndex((value, i) => value !== 0 && value !== before[i])).toBe(-1);
      for (let row = 0; row < after.length; row += columns) {
        expect(zeros(after.subarray(row, row + columns))).toBeGreaterThanOrEqual(columns / 2);
      }
      expect(layer(made, name)).toMatchObject({ sparsity: 0.5, minRowSparsity: 0.5, maxRowSparsity: 0.5 });
    }
    const said = readGgufHeader(path).metadata.get('ridgepoint.sparsity');
    expect(said).toBe(`wanda:50%?${QUICK}`);
    expect(readdirSync(folder).filter((name) => name.includes('draft'))).toEqual([]);
  });

  test('experts are pruned each by itself', async () => {
    const [n, each, experts] = [64, 32, 3];
    const model = join(folder, 'experts.gguf');
    const values = (offset: number) =>
      Float32Array.from(
        { length: n * each * experts },
        (_, i) => Math.sin(i + offset) * (1 + Math.floor(i / (n * each))),
      );
    const stacked = (offset: number) => ({
      type: 'f16',
      shape: [n, each, experts],
      data: () => [encodeFloats(values(offset), 'f16')],
    });
    const added = { name: 'blk.0.ffn_up_exps.weight', ...stacked(1) };
    await copyGguf(modelPath('tiny'), model, { added: [added] });
    const pruned = await prune('magnitude:50%?layers=ffn_up_exps', { model });
    const found = pruned.report.layers.map(({ name, rows, columns }) => [name, rows, columns]);
    expect(found).toEqual([0, 1, 2].map((expert) => [`blk.0.ffn_up_exps.${expert}.weight`, each, n]));
    const after = weights(pruned.path, 'blk.0.ffn_up_exps.weight');
    const before = weights(model, 'blk.0.ffn_up_exps.weight');
    // The last expert's weights are three times the first's: of one threshold for all, it would keep nearly
    // all.
    for (let expert = 0; expert < experts; expert++) {
      const own = after.subarray(expert * n * each, (expert + 1) * n * each);
      // One more as published, and what is as small as the threshold.
      expect(Math.abs(zeros(own) - (n * each) / 2)).toBeLessThan(10);
    }
    expect(after.every((value, i) => value === 0 || value === before[i])).toBe(true);
    expect(tensor(pruned.path, 'blk.1.ffn_up.weight').equals(tensor(model, 'blk.1.ffn_up.weight'))).toBe(
      true,
    );
  });

  test('perplexity rises with sparsity, and Wanda beats magnitude on this model', async () => {
    const dense = await perplexity(modelPath('tiny'));
    const at = async (word: string) => perplexity((await prune(word)).path);
    const half = await at(`wanda:50%?${QUICK}`);
    const most = await at(`wanda:70%?${QUICK}`);
    expect(half).toBeGreaterThan(dense * 1.01);
    expect(most).toBeGreaterThan(half * 1.1);
    expect(most).toBeLessThan(await at('magnitude:70%'));
  });

  test('DSnoT by strict rules lowers |e| in every layer, and here the output error of the model', async () => {
    const made = await prune(`dsnot:60%?${QUICK}`);
    for (const one of made.report.layers) {
      expect(one.meanAbsoluteErrorAfter!, one.name).toBeLessThan(one.meanAbsoluteErrorBefore!);
      expect(one).toMatchObject({ minRowSparsity: one.maxRowSparsity, updatedWeights: 0 });
      expect(one.changedWeights).toBe(2 * one.exchangeSteps!);
    }
    const totals = totalsOf(made.report);
    expect(totals.outputMeanSquareAfter!).toBeLessThan(totals.outputMeanSquareBefore!);
    // The first mask is Wanda's.
    const wanda = totalsOf((await prune(`wanda:60%?${QUICK}`)).report);
    expect(totals.outputMeanSquareBefore!).toBeCloseTo(wanda.outputMeanSquareAfter!, 9);
  });

  test('the published default leaves the MLP its first mask', async () => {
    const made = await prune(`dsnot:50%?${QUICK}&exchangeLayers=attn_*`);
    expect(layer(made, 'blk.1.ffn_down.weight')).toMatchObject({ changedWeights: 0, recipe: 'wanda 50%' });
    expect(layer(made, 'blk.1.attn_q.weight').changedWeights).toBeGreaterThan(0);
  });

  test('SparseGPT moves what it prunes onto kept weights, and halves the output error', async () => {
    const { report } = await prune(`sparsegpt:2:4?${QUICK}`);
    const totals = totalsOf(report);
    expect(totals).toMatchObject({ sparsity: 0.5, minRowSparsity: 0.5, maxRowSparsity: 0.5 });
    expect(totals.updatedWeights).toBeGreaterThan(totals.weights / 4);
    expect(totals.outputMeanSquareAfter!).toBeLessThan(0.6 * totals.outputMeanSquareBefore!);
  });

  test.each(['wanda:60%', 'magnitude:2:4', 'dsnot:60%', 'sparsegpt:4:8'])(
    'swaps lower the output error of %s in every layer, and keep its sparsity',
    async (word) => {
      const plain = await prune(`${word}?${QUICK}&outputError=true`);
      const made = await prune(`${word}?${QUICK}&refine=swaps`);
      for (const one of made.report.layers) {
        const before = layer(plain, one.name);
        expect(one.recipe).toBe(before.recipe.replace(' ', '+swaps '));
        expect(one.sparsity).toBe(before.sparsity);
        expect(one.rowsAtMaxSwaps).toBe(0);
        expect(one.outputErrorUnrefined!.relative).toBeCloseTo(before.outputErrorAfter!.relative!, 6);
        expect(one.outputErrorAfter!.meanSquare).toBeLessThan(one.outputErrorUnrefined!.meanSquare);
        // Every swap turns two bits over, some of them more than once.
        expect(one.changedWeights).toBeLessThanOrEqual(2 * (one.swaps! + (one.exchangeSteps ?? 0)));
      }
      const totals = totalsOf(made.report);
      const before = totalsOf(plain.report);
      expect(totals.swaps).toBeGreaterThan(1000);
      expect(totals.outputMeanSquareUnrefined).toBeCloseTo(before.outputMeanSquareAfter!, 6);
      expect(totals.outputMeanSquareAfter!).toBeLessThan(0.85 * before.outputMeanSquareAfter!);
      expect(before).toMatchObject({ swaps: null, relativeOutputErrorUnrefined: null });
    },
  );

  test('a bound of swaps holds in every row', async () => {
    const { report } = await prune(`wanda:60%?${QUICK}&refine=swaps&maxSwaps=2&layers=attn_q`);
    const { rows, swaps, rowsAtMaxSwaps } = report.layers[0]!;
    expect(rowsAtMaxSwaps).toBeGreaterThan(0);
    expect(swaps).toBeLessThanOrEqual(2 * rows);
  });

  test('layers are chosen by pattern and have ratios of their own', async () => {
    const made = await prune('magnitude-row:50%?layers=attn_*,ffn_down&exclude=blk.0.*&ratios=ffn_down:0.25');
    expect(made.report.layers).toHaveLength(3 * 5);
    expect(layer(made, 'blk.1.ffn_down.weight').sparsity).toBe(0.25);
    expect(layer(made, 'blk.3.attn_v.weight').sparsity).toBe(0.5);
    expect(
      tensor(made.path, 'blk.0.attn_q.weight').equals(tensor(modelPath('tiny'), 'blk.0.attn_q.weight')),
    ).toBe(true);
  });

  test('ratios by sensitivity keep the overall one, and spare what suffers most', async () => {
    const uniform = await prune(`wanda:50%?${QUICK}`);
    const made = await prune(`wanda:50%?${QUICK}&allocation=sensitivity&spread=0.15`);
    const totals = totalsOf(made.report);
    expect(totals.sparsity).toBeCloseTo(0.5, 3);
    expect(totals.sparsity).toBeLessThanOrEqual(0.5);
    const suffering = uniform.report.layers.toSorted(
      (a, b) => b.outputErrorAfter!.relative! - a.outputErrorAfter!.relative!,
    );
    const [most, least] = [suffering[0]!.name, suffering.at(-1)!.name];
    expect(layer(made, most).sparsity).toBeLessThan(0.45);
    expect(layer(made, least).sparsity).toBeGreaterThan(0.55);
  });

  test.each(['owl', 'lsa'])(
    'ratios by %s are one in a block, and keep the overall one',
    async (allocation) => {
      const made = await prune(`wanda:50%?${QUICK}&allocation=${allocation}&spread=0.1&maxSwaps=3`);
      const totals = totalsOf(made.report);
      expect(totals.sparsity).toBeCloseTo(0.5, 2);
      expect(totals.sparsity).toBeLessThanOrEqual(0.5);
      const blocks = [0, 1, 2, 3].map((block) =>
        made.report.layers
          .filter(({ name }) => name.startsWith(`blk.${block}.`))
          .map(({ sparsity }) => sparsity),
      );
      for (const all of blocks) expect(Math.max(...all) - Math.min(...all)).toBeLessThan(0.02);
      const firsts = blocks.map(([first]) => first!);
      expect(Math.max(...firsts) - Math.min(...firsts)).toBeCloseTo(0.2, 1);
      expect(made.warnings).toContainEqual(expect.stringMatching(/^maxSwaps changes nothing/));
    },
  );

  test('a sequential calibration sees the layers below as they were pruned', async () => {
    const dense = await prune('wanda:60%?sequences=2&tokens=64&order=dense');
    const sequential = await prune('wanda:60%?sequences=2&tokens=64');
    const q = (made: Pruned, block: number) =>
      layer(made, `blk.${block}.attn_q.weight`).meanAbsoluteErrorAfter!;
    expect(q(sequential, 0)).toBeCloseTo(q(dense, 0), 6);
    expect(Math.abs(q(sequential, 3) / q(dense, 3) - 1)).toBeGreaterThan(0.001);
  });
});

describe.skipIf(kernelsLibrary() === null)('a chain of steps (needs the native kernels)', () => {
  test('prunes, then quantizes; the lineage says how sparse, and the report lies beside the artifact', async () => {
    const models = { modelFolders: [], cacheFolder: join(folder, 'cache') };
    const base = await resolveModel('builtin:tiny', models);
    const technique = { ...UNCHANGED, sparsity: 'magnitude-row:50%', quantization: 'q8_0' };
    const steps = await stepsFor({
      base,
      technique,
      runnerKind: 'llama-cpp',
      engine: 'test',
      settings: models,
      modelName: 'tiny',
    });
    expect(steps.map(({ recipe }) => recipe)).toEqual(['prune(magnitude-row:50%)', 'quantize(q8_0)']);
    const store = new ArtifactStore({ cacheFolder: models.cacheFolder, artifactBytes: 1e9 });
    const artifact = await store.prepare({ base, steps, cpus: [0], timeLimitSeconds: 60 });
    expect(artifact.steps[0]!.facts).toMatchObject({
      sparsity: 0.5,
      layers: 28,
      computedOn: 'cpu',
      computedOnReason: 'masks are chosen there, and this one asks for no activations',
    });
    const input = readdirSync(join(models.cacheFolder, 'artifacts')).filter((name) => name.endsWith('.gguf'));
    expect(input).toHaveLength(2);
    const reports = input
      .map((name) => reportPath(join(models.cacheFolder, 'artifacts', name)))
      .filter(existsSync);
    expect(reports).toHaveLength(1);
    expect(JSON.parse(readFileSync(reports[0]!, 'utf8')).layers).toHaveLength(28);
    // Zeros stay zeros in every block format with a scale and no offset.
    const header = readGgufHeader(artifact.path).tensors.find(({ name }) => name === 'blk.0.ffn_up.weight')!;
    expect(header.type).toBe('q8_0');
    const blocks = tensor(artifact.path, 'blk.0.ffn_up.weight');
    let quantizedZeros = 0;
    for (let at = 0; at < blocks.length; at += 34) {
      for (let i = 2; i < 34; i++) if (blocks[at + i] === 0) quantizedZeros++;
    }
    expect(quantizedZeros).toBeGreaterThanOrEqual((blocks.length / 34) * 16);
  });
});

describe.skipIf(kernelsLibrary() === null)('bad input (needs the native kernels)', () => {
  /** A copy of the tiny model with some values of a tensor changed. */
  async function changed(name: string, change: (values: Float32Array) => void): Promise<string> {
    const path = join(folder, `changed-${count++}.gguf`);
    const info = readGgufHeader(modelPath('tiny')).tensors.find((one) => one.name === name)!;
    const type = info.type === 'f32' ? 'f32' : 'f16';
    const values = decodeFloats(tensor(modelPath('tiny'), name), type);
    change(values);
    const data = () => [encodeFloats(values, type)];
    await copyGguf(modelPath('tiny'), path, {
      tensors: new Map([[name, { type: info.type, shape: info.shape, data }]]),
    });
    return path;
  }

  test.each([
    ['magnitude:50%', Number.NaN],
    [`wanda:50%?${QUICK}`, Number.NaN],
    ['magnitude-row:50%', Number.POSITIVE_INFINITY],
  ])('%s with a weight of %d is refused and names it', async (word, value) => {
    const model = await changed('blk.2.ffn_up.weight', (values) => {
      values[128 * 3 + 5] = value;
    });
    await expect(prune(word, { model })).rejects.toThrow(
      /blk\.\d\.[a-z_]+\.weight: (the weight in row 3, column 5 is (NaN|Infinity)|the activations)/,
    );
  });

  test.each([
    'wanda:50%',
    'sparsegpt:50%',
    'dsnot:50%',
    'dsnot:50%?mode=reference',
    'dsnot:2:4?initial=sparsegpt',
  ])('%s prunes weights on dead channels first', async (word) => {
    const model = await changed('blk.0.attn_norm.weight', (values) => {
      values[7] = 0;
    });
    const made = await prune(`${word}${word.includes('?') ? '&' : '?'}${QUICK}`, { model });
    const q = weights(made.path, 'blk.0.attn_q.weight');
    expect(q.every(Number.isFinite)).toBe(true);
    expect(made.report.layers.every((one) => Number.isFinite(one.meanAbsoluteErrorAfter))).toBe(true);
    if (word.includes('reference')) return;
    const kept = q.filter((_, i) => i % 128 === 7).filter((value) => value !== 0);
    expect(kept).toHaveLength(0);
  });

  test.each(['magnitude', 'magnitude-row', 'wanda', 'sparsegpt', 'dsnot'])(
    '%s of 0 and of 100 %',
    async (method) => {
      const settings = method.startsWith('magnitude') ? '' : `?${QUICK}`;
      const none = await prune(`${method}:0%${settings}`);
      expect(totalsOf(none.report).sparsity).toBe(0);
      expect(none.warnings[0]).toContain('prunes nothing');
      for (const name of ['blk.0.attn_q.weight', 'blk.3.ffn_down.weight'])
        expect(tensor(none.path, name).equals(tensor(modelPath('tiny'), name))).toBe(true);
      const all = await prune(`${method}:100%${settings}`);
      expect(totalsOf(all.report).sparsity).toBe(1);
      expect(all.warnings[0]).toContain('prunes every weight');
      expect(zeros(weights(all.path, 'blk.3.ffn_down.weight'))).toBe(128 * 256);
    },
  );

  test('groups that do not divide the width, a text that is too short, layers that are not there', async () => {
    await expect(prune('magnitude:3:7')).rejects.toThrow(
      /blk.0.attn_.*: 3:7 needs a width that divides by 7/,
    );
    const text = join(folder, 'short.txt');
    writeFileSync(text, 'Too short.');
    await expect(prune('wanda:50%?tokens=128', { text })).rejects.toThrow(
      /short.txt: the text has \d+ tokens, and a calibration sequence needs 128/,
    );
    await expect(prune('magnitude:50%?layers=mlp_*')).rejects.toThrow(
      /has no linear layer for layers=mlp_\*/,
    );
  });

  test('a base that is no float is refused before anything is calibrated', async () => {
    const model = join(folder, 'quantized.gguf');
    const quantization = plainQuantization('q8_0');
    await quantizeFile({
      inputPath: modelPath('tiny'),
      outputPath: model,
      quantization,
      imatrix: null,
      threads: 1,
    });
    await expect(prune('wanda:50%', { model })).rejects.toThrow(/is q8_0, and float weights are needed/);
  });

  test('what is left over of a failure is nothing', () => {
    expect(readdirSync(folder).filter((name) => name.includes('draft'))).toEqual([]);
  });
});
