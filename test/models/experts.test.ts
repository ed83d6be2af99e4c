import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { describe, expect, test, vi } from 'vitest';
import { linearsOf } from '../../artifacts/calibration/blocks.js';
import { collectStatistics, passModel } from '../../artifacts/calibration/collect.js';
import { writeImportanceMatrix } from '../../artifacts/calibration/imatrix.js';
import { readStatistics } from '../../artifacts/calibration/saved.js';
import { calibrationSequences } from '../../artifacts/calibration/sequences.js';
import { type VisitLayer, type WalkRequest, walkLayers } from '../../artifacts/calibration/walk.js';
import { pruneFile } from '../../artifacts/pruning/prune.js';
import { decodeFloats, encodeFloats } from '../../core/techniques/float-types.js';
import { expertName, tensorOf } from '../../core/techniques/pruning/plan.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { totalsOf } from '../../core/techniques/pruning/summary.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { readSparsity } from '../../core/techniques/sparsity.js';
import type { Collector } from '../../engines/native/collector.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { STRUCTS } from '../../engines/native/llama-cpp/bindings.js';
import { loadObserver } from '../../engines/runners/index.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { matricesOf } from '../../formats/gguf/experts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { EXPERTS, INNER, UNREACHED, USED, writeMixture } from '../support/mixture.js';
import { pruneByReference } from '../support/pruning/engine.js';
import { StatisticsAccumulator } from '../support/pruning/statistics.js';
import { load, modelPath, prompt } from './loading.js';

const folder = sharedFolder();

const sample = join(import.meta.dirname, '../../models/sample.txt');
const sequences = [prompt(96, 1), prompt(96, 2), prompt(40, 3)];
const TOKENS = 232;
const WIDTH = 128;

const mixture = (architecture: string) =>
  writeMixture(modelPath('tiny'), join(folder, `${architecture}.gguf`), architecture);
const pass = (model: string) =>
  passModel({
    modelPath: model,
    linears: linearsOf(readGgufHeader(model), () => true),
    sequences,
    threads: 1,
  });
const walk = (modelPath: string, request: Partial<WalkRequest>, visit: VisitLayer) =>
  walkLayers(
    {
      modelPath,
      sequences,
      order: 'dense',
      wanted: () => true,
      hessians: false,
      threads: 1,
      scratchFolder: join(folder, 'scratch'),
      ...request,
    },
    visit,
  );

const expertsOf = (block: number, kind: string) =>
  Array.from({ length: EXPERTS }, (_, expert) => expertName(`blk.${block}.ffn_${kind}_exps.weight`, expert));

/** @returns what gives a matrix of a file of f16 weights, or one expert's. */
function weightsOf(path: string): (name: string) => Float32Array {
  const bytes = readFileSync(path);
  const matrices = new Map(
    readGgufHeader(path)
      .tensors.flatMap(matricesOf)
      .map((matrix) => [matrix.name, matrix]),
  );
  return (name) => {
    const { offset, bytes: length } = matrices.get(name)!;
    return decodeFloats(bytes.subarray(offset, offset + length), 'f16');
  };
}

describe.skipIf(kernelsLibrary() === null)('statistics of experts (needs the native kernels)', () => {
  test.each(['llama', 'qwen2moe', 'qwen3moe', 'olmoe'])(
    'of %s are those of the tokens that were sent to each, to the bit',
    async (architecture) => {
      const model = await mixture(architecture);
      const seen = await pass(model);
      const recorded = await record(model);
      for (const block of [0, 1]) {
        for (let expert = 0; expert < EXPERTS; expert++) {
          const [outer, inner] = recorded.of(block, expert);
          for (const kind of ['gate', 'up']) expect(seen.get(expertsOf(block, kind)[expert]!)).toEqual(outer);
          expect(seen.get(expertsOf(block, 'down')[expert]!)).toEqual(inner);
        }
        // The router reads what the experts read, every token once.
        const router = seen.get(`blk.${block}.ffn_gate_inp.weight`)!;
        const all = expertsOf(block, 'up').map((name) => seen.get(name)!);
        expect(router.tokens).toBe(TOKENS);
        expect(all.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(USED * TOKENS);
        router.squaresPerSequence.forEach((mean, j) => {
          const sum = all.reduce((s, one) => s + one.squaresPerSequence[j]! * one.sequences, 0);
          expect(sum / (USED * mean * router.sequences)).toBeCloseTo(1, 5);
        });
      }
      const unreached = expertsOf(0, 'down').filter((name) => seen.get(name)!.tokens === 0);
      expect(unreached).toEqual([expertsOf(0, 'down')[UNREACHED]]);
    },
  );

  test.each(['llama', 'qwen2moe', 'qwen3moe', 'olmoe', 'deepseek', 'deepseek2'])(
    'of %s are the same block by block',
    async (architecture) => {
      const model = await mixture(architecture);
      const whole = await pass(model);
      const found = new Map<string, ChannelStatistics>();
      await walk(model, { hessians: true }, ({ name, statistics, hessian }) => {
        found.set(name, statistics);
        const columns = statistics.variance.length;
        expect(hessian === null, name).toBe(statistics.tokens === 0);
        // The diagonal of the Hessian is twice R: both are sums of squares per sequence.
        const third = hessian?.values[3 * columns + 3] ?? 0;
        expect(third).toBeCloseTo(2 * statistics.squaresPerSequence[3]!, 2);
        return null;
      });
      expect(found).toEqual(whole);
    },
  );

  test('a layer above pruned experts sees what they give', async () => {
    const model = await mixture('llama');
    const below = await prune(model, 'wanda:60%?layers=blk.0.*&order=dense');
    const expected = await pass(below.path);
    const pruned = weightsOf(below.path);
    const found = new Map<string, ChannelStatistics>();
    await walk(model, { order: 'sequential' }, ({ name, block, statistics }) => {
      found.set(name, statistics);
      return block === 0 && !/ffn_gate_inp/.test(name) ? pruned(name) : null;
    });
    for (const [name, statistics] of found)
      if (name.startsWith('blk.1.')) expect(statistics, name).toEqual(expected.get(name));
    expect(found.get('blk.1.attn_q.weight')).not.toEqual((await pass(model)).get('blk.1.attn_q.weight'));
  });
});

/** Little calibration: what is asked is which weights go. */
const QUICK = 'sequences=4&tokens=48';

async function prune(model: string, word: string) {
  const outputPath = join(folder, `pruned-${word.replace(/[^a-z0-9]/gi, '-')}.gguf`);
  const text = word.includes('?') ? `${word}&${QUICK}` : `${word}?${QUICK}`;
  const order = { inputPath: model, outputPath, sparsity: text, textPath: sample, threads: 1 };
  return { ...(await pruneFile(order, () => {})), path: outputPath, word: text };
}

describe.skipIf(kernelsLibrary() === null)('pruning experts (needs the native kernels)', () => {
  test.each([
    'wanda:2:4',
    'wanda:50%?refine=swaps',
    'dsnot:50%',
    'dsnot:50%?mode=reference',
    'sparsegpt:50%',
  ])('%s prunes each as the reference prunes it alone', async (word) => {
    const model = await mixture('qwen3moe');
    const {
      path,
      report,
      warnings,
      word: asked,
    } = await prune(model, `${word}${word.includes('?') ? '&' : '?'}order=dense`);
    const reading = readSparsity(asked);
    if (!reading.ok || reading.value === null) throw new Error(asked);
    const { method, pattern, calibration } = reading.value;
    const cut = await calibrationSequences({
      modelPath: model,
      textPath: sample,
      sequences: calibration!.sequences,
      tokens: calibration!.tokens,
      windows: { scheme: 'random', seed: calibration!.seed },
    });
    const weights = weightsOf(path);
    let compared = 0;
    const wanted = (name: string) => tensorOf(name).expert !== null;
    await walk(model, { hessians: true, sequences: cut, wanted }, (layer) => {
      const { name, statistics } = layer;
      const made = report.layers.find((one) => one.name === name)!;
      expect(made.calibrationTokens).toBe(statistics.tokens);
      if (statistics.tokens === 0) {
        expect(made).toMatchObject({ meanAbsoluteErrorAfter: null, outputErrorAfter: null });
        expect(made.recipe).toMatch(/^magnitude-row /);
        const byMagnitude = pruneByReference(
          { ...layer, statistics: null, hessian: null },
          { kind: 'magnitude', scope: 'row' },
          pattern,
        );
        expect(made.sparsity).toBe(0.5);
        expect(weights(name)).toEqual(byMagnitude.weights.values);
        return null;
      }
      const alone = pruneByReference(layer, method, pattern);
      expect(weights(name), name).toEqual(decodeFloats(encodeFloats(alone.weights.values, 'f16'), 'f16'));
      // The published codes of DSnoT and SparseGPT prune a little more than they were asked to.
      if (/reference|sparsegpt/.test(word)) expect(made.sparsity).toBe(alone.report.sparsity);
      else expect(made).toMatchObject({ sparsity: 0.5, minRowSparsity: 0.5, maxRowSparsity: 0.5 });
      compared++;
      return null;
    });
    expect(compared).toBe(3 * (2 * EXPERTS - 1));
    expect(warnings).toContainEqual(
      '1 of 10 experts saw no calibration token (block 0): pruned by the magnitude of weights in each row instead; more or longer sequences may reach them',
    );
    const totals = totalsOf(report);
    expect(totals).toMatchObject({ minExpertTokens: 0, unreachedExperts: 1 });
    expect(totals.medianExpertTokens).toBeGreaterThan(0);
    const pruned = await load(path);
    pruned.prefill([prompt(20, 4)]);
    expect(pruned.logits(0).every(Number.isFinite)).toBe(true);
    pruned.close();
  });

  test('statistics that were saved prune them as those of the walk do', async () => {
    const model = await mixture('deepseek2');
    const statisticsPath = join(folder, 'saved.safetensors');
    const windows = { scheme: 'random', seed: 0 } as const;
    const origin = { model: 'm', text: 't', textName: 'sample', windows, engine: 'e' };
    const cut = { textPath: sample, sequences: 4, tokens: 48, threads: 1 };
    await collectStatistics({ modelPath: model, origin, ...cut }, statisticsPath);
    const walked = await prune(model, 'wanda:50%?order=dense&outputError=false');
    const outputPath = join(folder, 'by-saved.gguf');
    const order = { inputPath: model, outputPath, sparsity: walked.word, textPath: sample, threads: 1 };
    const { report } = await pruneFile({ ...order, statisticsPath }, () => {});
    expect(readFileSync(outputPath).equals(readFileSync(walked.path))).toBe(true);
    const tokens = (layers: typeof report.layers) => layers.map(({ calibrationTokens }) => calibrationTokens);
    expect(tokens(report.layers)).toEqual(tokens(walked.report.layers));
  });

  test('magnitude needs no token, and says nothing of experts without one', async () => {
    const model = await mixture('llama');
    const { report, warnings } = await prune(model, 'magnitude-row:50%?outputError=true&order=dense');
    const layer = report.layers.find(({ name }) => name === expertsOf(0, 'up')[UNREACHED])!;
    expect(layer).toMatchObject({ sparsity: 0.5, calibrationTokens: 0, outputErrorAfter: null });
    expect(warnings.filter((text) => text.includes('expert'))).toEqual([]);
  });

  test('an expert without a token keeps the overall ratio where the others get their own', async () => {
    const model = await mixture('llama');
    const { report } = await prune(model, 'wanda:50%?allocation=sensitivity&spread=0.2');
    const ratios = new Map(report.layers.map(({ name, sparsity }) => [name, sparsity]));
    for (const kind of ['gate', 'up', 'down'])
      expect(ratios.get(expertsOf(0, kind)[UNREACHED]!), kind).toBe(0.5);
    expect(new Set(ratios.values()).size).toBeGreaterThan(3);
    expect(totalsOf(report).sparsity).toBeCloseTo(0.5, 2);
  });
});

describe.skipIf(kernelsLibrary() === null)('importance of experts (needs the native kernels)', () => {
  test('is written for each as llama-imatrix does, and quantization takes it', async () => {
    const modelPath = await mixture('qwen2moe');
    const windows = { scheme: 'chunks' } as const;
    const origin = { model: 'm', text: 't', textName: 'sample', windows, engine: 'e' };
    const job = { modelPath, textPath: sample, sequences: 2, tokens: 64, threads: 1, origin };
    const [whole = '', byBlock = ''] = ['whole', 'by-block'].map((name) => join(folder, name));
    const collected = await collectStatistics(job, whole);
    expect(collected).toMatchObject({
      unseen: [],
      experts: { experts: 2 * EXPERTS, least: 0, unreached: 1, unreachedBlocks: ['0'] },
    });
    const available = vi.spyOn(process, 'availableMemory').mockReturnValue(1000);
    expect(await collectStatistics(job, byBlock)).toMatchObject({ loaded: 'by-block' });
    available.mockRestore();
    expect(readFileSync(byBlock).equals(readFileSync(whole))).toBe(true);

    const path = join(folder, 'imatrix.gguf');
    const saved = await readStatistics(whole);
    await writeImportanceMatrix(path, saved);
    const { tensors } = readGgufHeader(path);
    const shapes = Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]));
    expect(shapes).toMatchObject({
      'blk.0.attn_q.weight.in_sum2': [WIDTH],
      'blk.0.attn_q.weight.counts': [1],
      'blk.0.ffn_up_exps.weight.in_sum2': [WIDTH, EXPERTS],
      'blk.0.ffn_down_exps.weight.in_sum2': [INNER, EXPERTS],
      'blk.0.ffn_down_exps.weight.counts': [1, EXPERTS],
      'blk.0.ffn_up_shexp.weight.in_sum2': [WIDTH],
    });
    const counts = tensors.find(({ name }) => name === 'blk.0.ffn_up_exps.weight.counts')!;
    expect(
      decodeFloats(readFileSync(path).subarray(counts.offset, counts.offset + counts.bytes), 'f32'),
    ).toEqual(Float32Array.from(expertsOf(0, 'up'), (name) => saved.layers.get(name)!.tokens));

    const quantize = (outputPath: string, imatrix: { path: string; name: string } | null) =>
      quantizeFile({
        inputPath: modelPath,
        outputPath,
        quantization: plainQuantization('q4_0'),
        imatrix,
        threads: 1,
      });
    const plain = join(folder, 'plain.gguf');
    await quantize(plain, null);
    const weighed = join(folder, 'weighed.gguf');
    const { warnings } = await quantize(weighed, { path, name: 'sample' });
    expect(warnings).toContainEqual(
      'no token of sample reached 3 of 30 matrices of experts; all of their inputs weigh alike',
    );
    const bytesOf = (file: string, expert: number) => {
      const { offset, bytes } = readGgufHeader(file).tensors.find(
        ({ name }) => name === 'blk.1.ffn_up_exps.weight',
      )!;
      const each = bytes / EXPERTS;
      return readFileSync(file).subarray(offset + expert * each, offset + (expert + 1) * each);
    };
    for (let expert = 0; expert < EXPERTS; expert++)
      expect(bytesOf(weighed, expert).equals(bytesOf(plain, expert))).toBe(false);
  });
});

const { fields, size } = STRUCTS.ggml_tensor;
const at = (name: string) => fields.find(([field]) => field === name)![2];

/** What nodes held, a list of rows for each token: of every block, one entry a sequence. */
interface Recorded {
  /** Statistics of what an expert of a block read: gate and up, and down. */
  of(block: number, expert: number): readonly [ChannelStatistics, ChannelStatistics];
}

/**
 * Runs the sequences and keeps three nodes of every block: what the router and the experts read, which
 * experts it chose, and what their down projections read; by a callback in JavaScript that knows nothing of
 * matrix products.
 */
async function record(modelPath: string): Promise<Recorded> {
  const kept = new Map<string, Buffer[][][]>();
  const keep = (address: bigint, ask: boolean): boolean => {
    const tensor = Buffer.from(koffi.view(address, size));
    const name = tensor.toString('latin1', at('name')).split('\0')[0]!;
    if (!/^(ffn_norm|ffn_moe_topk|ffn_moe_swiglu)-\d+$/.test(name)) return !ask;
    if (ask) return true;
    const ne = [0, 1, 2].map((i) => Number(tensor.readBigInt64LE(at('ne') + 8 * i)));
    const nb = [0, 1, 2].map((i) => Number(tensor.readBigUInt64LE(at('nb') + 8 * i)));
    const data = tensor.readBigUInt64LE(at('data'));
    const [columns = 0, rows = 0, planes = 0] = ne;
    const planesOf = Array.from({ length: planes }, (_, plane) =>
      Array.from({ length: rows }, (_, row) =>
        Buffer.from(new Uint8Array(koffi.view(data + BigInt(plane * nb[2]! + row * nb[1]!), 4 * columns))),
      ),
    );
    // Two dimensions: a row a token.
    const tokens =
      planes === 1 && !name.startsWith('ffn_moe_swiglu') ? planesOf[0]!.map((row) => [row]) : planesOf;
    kept.set(name, [...(kept.get(name) ?? []), tokens as Buffer[][]]);
    return true;
  };
  const callback = koffi.register(keep, koffi.pointer(koffi.proto('bool', ['void *', 'bool', 'void *'])));
  const observer = await loadObserver();
  const collector = { callback, userData: null } as unknown as Collector;
  const tokens = Math.max(...sequences.map(({ length }) => length));
  const model = await observer.openModel({ modelPath, tokens, threads: 1, collector });
  for (const sequence of sequences) model.run(sequence);
  model.close();
  koffi.unregister(callback);
  const floats = (row: Buffer) => new Float32Array(new Uint8Array(row).buffer);
  return {
    of(block, expert) {
      const outer = new StatisticsAccumulator(WIDTH);
      const inner = new StatisticsAccumulator(INNER);
      for (const [sequence] of sequences.entries()) {
        const [norms, ids, products] = ['ffn_norm', 'ffn_moe_topk', 'ffn_moe_swiglu'].map(
          (node) => kept.get(`${node}-${block}`)![sequence]!,
        );
        for (const [token, [chosen]] of ids!.entries())
          for (let place = 0; place < USED; place++) {
            if (chosen!.readInt32LE(4 * place) !== expert) continue;
            outer.addTokens(floats(norms![token]![0]!));
            inner.addTokens(floats(products![token]![place]!));
          }
        outer.endSequence();
        inner.endSequence();
      }
      return [outer.statistics() ?? nothing(WIDTH), inner.statistics() ?? nothing(INNER)];
    },
  };
}

function nothing(columns: number): ChannelStatistics {
  const zeros = new Float32Array(columns);
  return { squaresPerSequence: zeros, sumPerSequence: zeros, variance: zeros, sequences: 0, tokens: 0 };
}
