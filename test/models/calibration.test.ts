import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { linearsOf } from '../../artifacts/calibration/blocks.js';
import { collectStatistics, type PassRequest, passModel } from '../../artifacts/calibration/collect.js';
import { importanceFor } from '../../artifacts/calibration/importance.js';
import { calibrationSequences } from '../../artifacts/calibration/sequences.js';
import { type VisitLayer, type WalkRequest, walkLayers } from '../../artifacts/calibration/walk.js';
import type { Launcher } from '../../artifacts/files/build-file.js';
import { resolveModel } from '../../artifacts/files/resolve.js';
import { builtinFolder } from '../../artifacts/files/source.js';
import { writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import type { PruneRequest } from '../../artifacts/pruning/job.js';
import { pruneFile } from '../../artifacts/pruning/prune.js';
import { pruneStep } from '../../artifacts/techniques/prune.js';
import { FailureError } from '../../core/errors.js';
import { readSynthetic } from '../../core/models/synthetic.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { readSparsity } from '../../core/techniques/sparsity.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { ON_CPU } from '../../engines/runners/observer.js';
import { readSpan } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import { writeGguf } from '../../formats/gguf/writer.js';
import { readTensor } from '../../formats/tensor-data.js';
import { launch } from '../../process/isolation/launch.js';
import { sharedFolder } from '../support/folder.js';
import { load, modelPath, prompt } from './loading.js';

const folder = sharedFolder();

const sample = join(builtinFolder(), 'sample.txt');
const tiny = modelPath('tiny');
const sequences = [prompt(96, 1), prompt(96, 2), prompt(40, 3)];

const walk = (request: Partial<WalkRequest>, visit: VisitLayer) =>
  walkLayers(
    {
      modelPath: tiny,
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
/** A bench that says which tasks it was given. */
function watchedBench() {
  const launched: string[] = [];
  const launcher: Launcher = (request) => {
    launched.push(request.task.name);
    return launch(request);
  };
  return { launched, bench: { cpus: [0], timeLimitSeconds: 60, launcher } };
}
const pass = (request: Partial<PassRequest> = {}) => {
  const path = request.modelPath ?? tiny;
  const linears = linearsOf(readGgufHeader(path), () => true);
  return passModel({ modelPath: path, linears, sequences, threads: 1, ...request });
};
const failureOf = async (work: Promise<unknown>) => {
  const error = await work.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FailureError);
  return (error as FailureError).failure;
};

describe.skipIf(kernelsLibrary() === null)('the walk (needs the native kernels)', () => {
  test.each(['llama', 'qwen2', 'qwen3'])(
    'blocks of %s run alone give the statistics of the whole model, to the bit',
    async (architecture) => {
      const model = await modelOf(architecture);
      const whole = await pass({ modelPath: model });
      const seen: string[] = [];
      const summary = await walk({ modelPath: model }, ({ name, statistics, weights, block }) => {
        seen.push(name);
        expect(statistics, name).toEqual(whole.get(name));
        expect(weights.columns).toBe(statistics.variance.length);
        expect(name.startsWith(`blk.${block}.`)).toBe(true);
        return null;
      });
      expect(seen).toEqual([...whole.keys()]);
      expect(summary).toMatchObject({ sequences: 3, tokens: 232, layers: whole.size });
      expect(whole.size).toBe(7 * (architecture === 'llama' ? 4 : 2));
      expect(readdirSync(join(folder, 'scratch'))).toEqual([]);
    },
  );

  test('layers come with their Hessian where it is asked for', async () => {
    const found = new Map<string, [ChannelStatistics, Float64Array]>();
    await walk({ hessians: true, wanted: (name) => /blk\.1\./.test(name) }, (layer) => {
      found.set(layer.name, [layer.statistics, layer.hessian!.values.slice()]);
      return null;
    });
    expect(found.size).toBe(7);
    const [statistics, hessian] = found.get('blk.1.ffn_down.weight')!;
    // The diagonal of the Hessian is twice R: both are sums of squares per sequence.
    statistics.squaresPerSequence.forEach((r, j) => {
      expect(hessian[j * 256 + j]! / (2 * r)).toBeCloseTo(1, 6);
    });
  });

  test('sequential order: layers above a pruned one see what it gives', async () => {
    // All of block 0 pruned away: block 1 then sees the embedding, as if there were no block 0.
    const zeroed = new Map<string, ChannelStatistics>();
    const visit: VisitLayer = ({ name, block, weights, statistics }) => {
      zeroed.set(name, statistics);
      return block === 0 ? new Float32Array(weights.values.length) : null;
    };
    await walk({ order: 'sequential', wanted: (name) => /blk\.[01]\./.test(name) }, visit);
    const dense = await pass();
    const first = dense.get('blk.0.attn_q.weight')!;
    expect(zeroed.get('blk.0.attn_q.weight')).toEqual(first);
    const norms = readNorms(['blk.0.attn_norm.weight', 'blk.1.attn_norm.weight']);
    const above = zeroed.get('blk.1.attn_q.weight')!;
    // The same residual stream, each under its own norm's weights.
    above.squaresPerSequence.forEach((r, j) => {
      const expected = first.squaresPerSequence[j]! * (norms[1]![j]! / norms[0]![j]!) ** 2;
      expect(r / expected).toBeCloseTo(1, 4);
    });
    // Dense order does not look at what came back.
    const other = new Map<string, ChannelStatistics>();
    await walk({ wanted: (name) => /blk\.[01]\./.test(name) }, (layer) => {
      other.set(layer.name, layer.statistics);
      return new Float32Array(layer.weights.values.length);
    });
    expect(other.get('blk.1.attn_q.weight')).toEqual(dense.get('blk.1.attn_q.weight'));
  });

  test('one calibration serves every dense pruning that needs no Hessian', async () => {
    const settings = { modelFolders: [], cacheFolder: join(folder, 'cache') };
    const { path, digest } = await resolveModel('builtin:tiny', settings);
    const { launched, bench } = watchedBench();
    const prune = async (share: string) => {
      const word = `wanda:${share}?order=dense&outputError=false&sequences=2&tokens=64&seed=5`;
      const reading = readSparsity(word);
      if (!reading.ok || reading.value === null) throw new Error(word);
      const step = await pruneStep(word, reading.value, 'v0.4.0', settings, ON_CPU);
      const task = (await step.taskFor(path!, digest, bench))(join(folder, `${share}.gguf`));
      expect(task.name).toBe('prune');
      const order = task.request as PruneRequest;
      const { report } = await pruneFile(order, () => {});
      const { statisticsPath: _, ...walking } = order;
      const walked = join(folder, `${share}-walked.gguf`);
      await pruneFile({ ...walking, outputPath: walked }, () => {});
      expect(readFileSync(order.outputPath).equals(readFileSync(walked))).toBe(true);
      return report.layers.length;
    };
    expect([await prune('50%'), await prune('2:4')]).toEqual([28, 28]);
    expect(launched).toEqual(['calibrate']);
  });

  test('what cannot be walked is refused with the reason', async () => {
    const patched = (from: string, to: string) => {
      const path = join(folder, `${to}.gguf`);
      writeFileSync(path, Buffer.from(readFileSync(tiny).toString('latin1').replaceAll(from, to), 'latin1'));
      return path;
    };
    const none: VisitLayer = () => null;
    expect(await failureOf(walk({ modelPath: patched('llama', 'gemma') }, none))).toMatchObject({
      code: 'model-unsupported',
      message: expect.stringContaining('gemma'),
    });
    const infinite = join(folder, 'infinite.gguf');
    const bytes = readFileSync(tiny);
    const up = readGgufHeader(tiny).tensors.find(({ name }) => name === 'blk.1.ffn_up.weight')!;
    // Halves of 7c00 are infinite.
    for (let i = 0; i < 256; i += 2) bytes.writeUInt16LE(0x7c00, up.offset + i);
    writeFileSync(infinite, bytes);
    expect(await failureOf(walk({ modelPath: infinite }, none))).toMatchObject({
      code: 'model-unsupported',
      message: expect.stringMatching(
        /^blk\.1\.ffn_down\.weight: the activations of channel \d+ are not finite$/,
      ),
    });
    expect(await failureOf(pass({ modelPath: infinite }))).toMatchObject({ code: 'model-unsupported' });
    expect(readdirSync(join(folder, 'scratch'))).toEqual([]);
  });
});

describe.skipIf(kernelsLibrary() === null)('sequences (needs the native kernels)', () => {
  const cut = (rest: Partial<Parameters<typeof calibrationSequences>[0]>) =>
    calibrationSequences({
      modelPath: tiny,
      textPath: sample,
      sequences: 4,
      tokens: 100,
      windows: { scheme: 'random', seed: 0 },
      ...rest,
    });

  test('windows of the text, within the trained context', async () => {
    const chunks = await cut({ tokens: 2048, windows: { scheme: 'chunks' } });
    expect(chunks.map(({ length }) => length)).toEqual([512, 512, 512, 512]);
    const model = await load('tiny');
    expect(chunks.map((chunk) => chunk[0])).toEqual(Array(4).fill(model.text.beginToken));
    const all = model.text.tokenize(readFileSync(sample, 'utf8').trimEnd(), true);
    expect(chunks[1]!.subarray(1)).toEqual(all.subarray(513, 1024));
    model.close();
    const random = await cut({});
    expect(random).toEqual(await cut({}));
    expect(random).not.toEqual(await cut({ windows: { scheme: 'random', seed: 1 } }));
  });

  test('a text shorter than one sequence says both numbers', async () => {
    const short = join(folder, 'short.txt');
    writeFileSync(short, 'Once upon a time');
    const { code, message } = await failureOf(cut({ textPath: short }));
    expect(code).toBe('impossible-combination');
    expect(message).toMatch(/^short\.txt: the text has \d+ tokens, and a calibration sequence needs 100$/);
  });
});

describe.skipIf(kernelsLibrary() === null)('the importance matrix (needs the native kernels)', () => {
  const fixture = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/imatrix.json'), 'utf8'));

  test.each(['tiny', 'small'])('of %s is what llama-imatrix makes of the same text', async (name) => {
    const settings = { modelFolders: [], cacheFolder: join(folder, 'cache') };
    const model = await resolveModel(`builtin:${name}`, settings);
    const spec = { text: 'builtin:sample', sequences: 4, tokens: 512, order: 'dense', seed: 0 } as const;
    const importance = await importanceFor(spec, 'v0.4.0', settings);
    const { launched, bench } = watchedBench();
    const path = await importance.prepare(model.path!, model.digest, bench);
    expect(await importance.prepare(model.path!, model.digest, bench)).toBe(path);
    expect(launched).toEqual(['calibrate']);

    const header = readGgufHeader(path);
    expect(Object.fromEntries(header.metadata)).toMatchObject({
      'general.type': 'imatrix',
      'imatrix.chunk_count': 4,
      'imatrix.chunk_size': 512,
    });
    const reference = fixture.models[name] as Record<string, Reference>;
    const names = Object.keys(reference).flatMap((tensor) => [`${tensor}.in_sum2`, `${tensor}.counts`]);
    expect(header.tensors.map((tensor) => tensor.name)).toEqual(names);
    const bytes = readFileSync(path);
    for (const [tensor, { counts, channels, total, first }] of Object.entries(reference)) {
      const values = (suffix: string) => {
        const { offset, bytes: length } = header.tensors.find((t) => t.name === `${tensor}.${suffix}`)!;
        return new Float32Array(
          bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + length),
        );
      };
      const sums = values('in_sum2');
      expect(sums.length).toBe(channels);
      expect(values('counts')).toEqual(Float32Array.of(counts));
      // Another compiler's build, and f32 sums over 2048 tokens.
      const near = (value: number, expected: number, tolerance: number) =>
        expect(Math.abs(value / expected - 1), tensor).toBeLessThan(tolerance);
      near(
        sums.reduce((a, b) => a + b, 0),
        total,
        1e-4,
      );
      for (const [i, expected] of first.entries()) near(sums[i]!, expected, 1e-3);
    }
  });
});

describe.skipIf(kernelsLibrary() === null)(
  'a model that does not fit into memory (needs the native kernels)',
  () => {
    test('is calibrated block by block, with the same result', async () => {
      const origin = {
        model: 'm',
        text: 't',
        textName: 'x',
        windows: { scheme: 'chunks' },
        engine: 'e',
      } as const;
      const job = { modelPath: tiny, textPath: sample, sequences: 2, tokens: 64, threads: 1, origin };
      const [whole, byBlock] = ['whole', 'by-block'].map((name) => join(folder, name));
      expect(await collectStatistics(job, whole!)).toMatchObject({
        loaded: 'whole',
        layers: 28,
        tokens: 128,
      });
      const available = vi.spyOn(process, 'availableMemory').mockReturnValue(1000);
      const done: number[][] = [];
      const collected = await collectStatistics(job, byBlock!, (...step) => done.push(step));
      available.mockRestore();
      expect(collected).toMatchObject({ loaded: 'by-block', layers: 28, tokens: 128 });
      expect(done).toEqual(Array.from({ length: 8 }, (_, i) => [i + 1, 8]));
      expect(readFileSync(byBlock!).equals(readFileSync(whole!))).toBe(true);
      expect(readdirSync(folder).filter((name) => name.startsWith('by-block'))).toEqual(['by-block']);
    });
  },
);

interface Reference {
  readonly counts: number;
  readonly channels: number;
  readonly total: number;
  readonly first: readonly number[];
}

/** f32 vectors of the tiny model. */
function readNorms(names: readonly string[]): Float32Array[] {
  const bytes = readFileSync(tiny);
  const { tensors } = readGgufHeader(tiny);
  return names.map((name) => {
    const { offset, bytes: length } = tensors.find((tensor) => tensor.name === name)!;
    return new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + length),
    );
  });
}

/**
 * @returns a model of two blocks with random weights; of qwen3 there is none, so qwen2 gets its norms and its
 *   name.
 */
async function modelOf(architecture: string): Promise<string> {
  if (architecture === 'llama') return tiny;
  const path = join(folder, `${architecture}.gguf`);
  const reading = readSynthetic(
    'synthetic:qwen2?layers=2&embedding=128&heads=2&kvHeads=1&feedForward=192&vocabulary=4096',
  );
  if (!reading.ok) throw new Error(reading.reason);
  await writeSynthetic(path, reading.model);
  if (architecture === 'qwen2') return path;
  const { tensors, spans } = readGgufHeader(path);
  const metadata = new Map<string, GgufValue>();
  for (const [key, span] of spans) {
    metadata.set(key.replace('qwen2.', 'qwen3.'), { type: 'encoded', bytes: await readSpan(path, span) });
  }
  metadata.set('general.architecture', { type: 'string', value: 'qwen3' });
  const kept = tensors.filter(({ name }) => !name.endsWith('.bias'));
  const norms = ['attn_q_norm', 'attn_k_norm'].flatMap((norm) =>
    [0, 1].map((block) => ({
      name: `blk.${block}.${norm}.weight`,
      type: 'f32',
      shape: [64],
      data: () => [new Uint8Array(Float32Array.from({ length: 64 }, (_, i) => 1 + i / 64 + block).buffer)],
    })),
  );
  const other = join(folder, 'qwen3-own.gguf');
  const copied = kept.map((tensor) => ({ ...tensor, data: () => readTensor(tensor) }));
  await writeGguf(other, { metadata, tensors: [...copied, ...norms] });
  return other;
}
