import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveModel } from '../../artifacts/files/resolve.js';
import { ArtifactStore } from '../../artifacts/files/store.js';
import { writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { groupHeads } from '../../artifacts/shape/group-heads.js';
import { giveWindow } from '../../artifacts/shape/window.js';
import { stepsFor } from '../../artifacts/techniques/index.js';
import { FailureError } from '../../core/errors.js';
import { knownFacts } from '../../core/experiment/known-facts.js';
import { readSynthetic } from '../../core/models/synthetic.js';
import { decodeFloats } from '../../core/techniques/float-types.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { predictKvCache } from '../../core/work/kv-cache.js';
import { PASS_DEFAULTS } from '../../core/work/llama-cpp-options.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { copyGguf } from '../../formats/gguf/copy.js';
import { modelFacts } from '../../formats/gguf/facts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import { sharedFolder } from '../support/folder.js';
import { sound } from '../support/reading.js';
import { load, modelPath, prompt } from './loading.js';

const folder = sharedFolder();

const tokens = prompt(96, 5);
/** Logits after every token of the text, evaluated in one go. */
async function everyLogits(path: string, options = {}): Promise<Float32Array[]> {
  const model = await load(path, options, { contextTokens: 256 });
  const rows: Float32Array[] = [];
  model.text.evaluate(tokens, 0, (_, logits) => void rows.push(logits.slice()));
  model.close();
  return rows;
}
const differs = (a: Float32Array, b: Float32Array) => a.some((value, i) => value !== b[i]);
async function quantized(model: string, type: string): Promise<string> {
  const outputPath = join(folder, `${model}-${type}.gguf`);
  const request = { inputPath: modelPath(model), outputPath, quantization: plainQuantization(type) };
  await quantizeFile({ ...request, imatrix: null, threads: 1 });
  return outputPath;
}
const reason = async (work: Promise<unknown>) => {
  const error = await work.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FailureError);
  return (error as FailureError).failure;
};

describe('a sliding window', () => {
  const windowed = async (inputPath: string, window: number, fullEvery = 0) => {
    const outputPath = join(folder, `window-${window}-${fullEvery}.gguf`);
    await giveWindow({ inputPath, outputPath, tokens: window, fullEvery });
    return outputPath;
  };

  test.each([
    ['f16', { flashAttention: true }],
    ['f16', { flashAttention: false }],
    ['f16', { kvCacheTypeK: 'q8_0', kvCacheTypeV: 'q8_0' }],
    ['q4_0', {}],
  ])('changes what lies beyond it and no bit before: %s, %j', async (type, options) => {
    const path = type === 'f16' ? modelPath('tiny') : await quantized('tiny', type);
    const base = await everyLogits(path, options);
    const seen = await everyLogits(await windowed(path, 32), options);
    const changed = base.map((row, i) => differs(row, seen[i]!));
    expect(changed.slice(0, 32)).not.toContain(true);
    expect(changed.slice(32)).not.toContain(false);
  });

  test('of every token is no window at all; some layers can see everything', async () => {
    const base = await everyLogits('tiny');
    const whole = await everyLogits(await windowed(modelPath('tiny'), 96));
    expect(base.some((row, i) => differs(row, whole[i]!))).toBe(false);
    const all = await everyLogits(await windowed(modelPath('tiny'), 32));
    const some = await everyLogits(await windowed(modelPath('tiny'), 32, 2));
    expect(differs(some[95]!, all[95]!)).toBe(true);
    expect(differs(some[95]!, base[95]!)).toBe(true);
    expect(differs(some[31]!, base[31]!)).toBe(false);
  });

  test('can be cut back where quality asks for it: what was overwritten would be missed', async () => {
    const path = await windowed(modelPath('tiny'), 16);
    const logitsAfter = async (wholeCache: boolean, first: number) => {
      const model = await load(path, { ubatch: 32 }, { contextTokens: 1024, wholeCache });
      model.prefill([prompt(first, 1)]);
      if (first > 200) model.reset(200);
      model.prefill([prompt(10, 2)]);
      const logits = model.logits(0);
      model.close();
      return logits;
    };
    const fresh = await logitsAfter(true, 200);
    expect(differs(await logitsAfter(false, 200), fresh)).toBe(false);
    expect(differs(await logitsAfter(true, 500), fresh)).toBe(false);
    expect(differs(await logitsAfter(false, 500), fresh)).toBe(true);
  });

  test.each([
    ['base', 1],
    ['window:64', 3],
    ['window:64?fullEvery=4', 3],
  ])('takes the memory that is predicted: %s, %i sequences', async (word, sequences) => {
    const [, window, every] = /window:(\d+)(?:\?fullEvery=(\d+))?/.exec(word) ?? [];
    const path =
      window === undefined ? modelPath('small') : await windowed(modelPath('small'), +window, +(every ?? 0));
    const options = { ubatch: 256, kvCacheTypeK: 'q8_0' };
    const model = await load(path, options, { contextTokens: 1024, sequences });
    const facts = modelFacts(readGgufHeader(modelPath('small')));
    const cells = { perSequence: 1024, sequences };
    expect(model.facts.kvCacheBytes).toBe(
      predictKvCache(facts, word, { ...PASS_DEFAULTS, ...options }, cells),
    );
    model.close();
  });

  test('is refused where the engine would ignore it', async () => {
    const qwen = join(folder, 'qwen.gguf');
    const made = sound(readSynthetic('synthetic:qwen2?layers=1&embedding=64&vocabulary=64'));
    await writeSynthetic(qwen, made.model);
    expect((await reason(windowed(qwen, 32))).message).toContain('graph of qwen2 has no sliding window');
  });
});

describe('grouped heads', () => {
  const grouped = async (inputPath: string, kvHeads: number) => {
    const outputPath = join(folder, `grouped-${kvHeads}.gguf`);
    const facts = await groupHeads({ inputPath, outputPath, kvHeads });
    return { outputPath, facts };
  };
  const bytesOf = (path: string, name: string) => {
    const tensor = readGgufHeader(path).tensors.find((one) => one.name === name)!;
    return { tensor, bytes: readFileSync(path).subarray(tensor.offset, tensor.offset + tensor.bytes) };
  };

  /** The small model with every K/V head there twice: as many heads as queries, and the same function. */
  const doubled = async () => {
    const outputPath = join(folder, 'doubled.gguf');
    const input = modelPath('small');
    const { tensors } = readGgufHeader(input);
    const changed = tensors
      .filter(({ name }) => /attn_[kv]\.weight$/.test(name))
      .map(({ name, type, shape }) => {
        const { bytes } = bytesOf(input, name);
        const head = bytes.length / 2;
        const [first, second] = [bytes.subarray(0, head), bytes.subarray(head)];
        return [
          name,
          { type, shape: [shape[0]!, 2 * shape[1]!], data: () => [first, first, second, second] },
        ] as const;
      });
    const heads: GgufValue = { type: 'u32', value: 4 };
    await copyGguf(input, outputPath, {
      metadata: new Map([['llama.attention.head_count_kv', heads]]),
      tensors: new Map(changed),
    });
    return outputPath;
  };

  test('twins become what they were: the same file, and the same logits as the model of twins', async () => {
    const twins = await doubled();
    const { outputPath, facts } = await grouped(twins, 2);
    expect(facts).toEqual({ kvHeadsBefore: 4, kvHeads: 2, groupedTensors: 16 });
    expect(readFileSync(outputPath).equals(readFileSync(modelPath('small')))).toBe(true);
    // The engine shares heads as grouping assumes, or the doubled model would say something else.
    const [one, other] = [await everyLogits(twins), await everyLogits(outputPath)];
    expect(one.some((row, i) => differs(row, other[i]!))).toBe(false);
  });

  test('weights are the means of the group, rounded once', async () => {
    const { outputPath } = await grouped(modelPath('small'), 1);
    for (const name of ['blk.0.attn_k.weight', 'blk.7.attn_v.weight']) {
      const before = bytesOf(modelPath('small'), name);
      const after = bytesOf(outputPath, name);
      expect(after.tensor.shape).toEqual([256, 64]);
      const old = decodeFloats(before.bytes, 'f16');
      const values = decodeFloats(after.bytes, 'f16');
      // Row r of the only head is the mean of row r of head 0 and row 64 + r of both.
      const wrong = values.findIndex((value, i) => {
        const mean = (old[i]! + old[64 * 256 + i]!) / 2;
        return Math.abs(value - mean) > Math.abs(mean) * 2 ** -11 + 2 ** -25;
      });
      expect(wrong).toBe(-1);
    }
    expect(
      bytesOf(outputPath, 'blk.3.attn_q.weight').bytes.equals(
        bytesOf(modelPath('small'), 'blk.3.attn_q.weight').bytes,
      ),
    ).toBe(true);
    const model = await load(outputPath, {}, { contextTokens: 256 });
    const facts = modelFacts(readGgufHeader(modelPath('small')));
    const cells = { perSequence: 256, sequences: 1 };
    expect(model.facts.kvCacheBytes).toBe(predictKvCache(facts, 'mqa', PASS_DEFAULTS, cells));
    model.close();
  });

  test('biases go the same way, and the engine runs the model', async () => {
    const qwen = join(folder, 'biased.gguf');
    const made = readSynthetic(
      'synthetic:qwen2?layers=2&embedding=128&heads=4&kvHeads=4&headLength=32&vocabulary=4096',
    );
    if (!made.ok) throw new Error(made.reason);
    await writeSynthetic(qwen, made.model);
    const { outputPath, facts } = await grouped(qwen, 2);
    expect(facts.groupedTensors).toBe(8);
    expect(bytesOf(outputPath, 'blk.1.attn_k.bias').tensor.shape).toEqual([64]);
    const model = await load(outputPath);
    model.prefill([tokens]);
    expect(model.logits(0).every(Number.isFinite)).toBe(true);
    model.close();
  });

  test.each([
    ['heads that do not divide', 'small', 3, /has 2 K\/V heads, which do not make 3 equal groups/],
    ['quantized weights', 'q8_0', 1, /blk.0.attn_[kv].weight of .* is quantized \(q8_0\)/],
  ])('%s are refused', async (_what, model, kvHeads, why) => {
    const input = model === 'small' ? modelPath('small') : await quantized('small', model);
    expect((await reason(grouped(input, kvHeads))).message).toMatch(why);
  });
});

test('a chain of both and a quantization is made by children, runs, and knows what it became', async () => {
  const settings = { modelFolders: [], cacheFolder: join(folder, 'cache') };
  const base = await resolveModel('builtin:small', settings);
  const technique = { ...UNCHANGED, attention: 'kv-heads:1?window=64', quantization: 'q8_0' };
  const request = { base, modelName: 'small', technique, runnerKind: 'llama-cpp', settings };
  const steps = await stepsFor({ ...request, engine: 'llama.cpp test' });
  const store = new ArtifactStore({ cacheFolder: settings.cacheFolder, artifactBytes: 1e9 });
  const artifact = await store.prepare({ base, steps, cpus: [], timeLimitSeconds: 60 });
  expect(artifact.steps.map(({ facts }) => facts)).toMatchObject([
    { kvHeadsBefore: 2, kvHeads: 1, groupedTensors: 16 },
    { fallbacks: null },
    { window: 64, windowedLayers: 8 },
  ]);
  const model = await load(artifact.path, { ubatch: 128 }, { contextTokens: 1024 });
  const cells = { perSequence: 1024, sequences: 1 };
  const bytes = predictKvCache(
    knownFacts(base.facts)!,
    technique.attention,
    { ...PASS_DEFAULTS, ubatch: 128 },
    cells,
  );
  expect(model.facts.kvCacheBytes).toBe(bytes);
  // Bits come from the tensors that the engine loaded: 8.5, and norms and sinks in f32.
  const { modelBytes, parameters } = model.facts;
  expect((8 * modelBytes!) / parameters!).toBeCloseTo(8.5, 1);
  expect(parameters).toBeLessThan(base.facts.parameters!);
  model.close();
});
