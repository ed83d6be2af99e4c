import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startTrial } from '../../agent/trial/start.js';
import { syntheticAdapter } from '../../artifacts/adapters/load.js';
import { mergeAdapters } from '../../artifacts/adapters/merge.js';
import { writePeft } from '../../artifacts/adapters/peft-writer.js';
import { recompute } from '../../batching/judge.js';
import { toFailure } from '../../core/errors.js';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';
import type { LowRankAdapter } from '../../core/techniques/adapters/adapter.js';
import { PORTABLE_MERGE } from '../../core/techniques/adapters/merge.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { type LlamaModel, llamaCpp, quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { open, type RunnableAdapter } from '../../engines/runners/runner.js';
import { adapterBase } from '../../formats/adapters/base.js';
import { readAdapterGguf, writeAdapterGguf } from '../../formats/adapters/gguf.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { lease, trialContext } from '../support/bench.js';
import { sharedFolder } from '../support/folder.js';
import { modelPath, prompt, rootMeanSquare } from './loading.js';

const folder = sharedFolder();
const r4 = join(import.meta.dirname, '../../models/adapters/small-pgdoc-r4.gguf');
const r16 = join(import.meta.dirname, '../../models/adapters/small-pgdoc-r16.gguf');
const tokens = prompt(48, 9);

async function logits(path: string, adapters: readonly Omit<RunnableAdapter, 'source'>[] = []) {
  const model = (await open(llamaCpp, 'generator', {
    modelPath: path,
    adapters: adapters.map((adapter) => ({ ...adapter, source: 'it' })),
    // Flash attention and an f16 cache round keys and values to f16, which would hide what is compared.
    options: { threads: 1, flashAttention: false, kvCacheTypeK: 'f32', kvCacheTypeV: 'f32' },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
    contextTokens: 64,
    sequences: 1,
  })) as LlamaModel;
  model.prefill([tokens]);
  const values = model.logits(0);
  const { facts, warnings } = model;
  model.close();
  return { values, facts, warnings };
}

async function merged(model: string, adapters: readonly [string, number][], name: string): Promise<string> {
  const outputPath = join(folder, name);
  const request = {
    inputPath: modelPath(model),
    inputName: model,
    outputPath,
    adapters: adapters.map(([path, scale]) => ({
      source: path,
      place: { form: 'gguf', path } as const,
      scale,
    })),
  };
  await mergeAdapters(request, PORTABLE_MERGE);
  return outputPath;
}

async function inF32(model: string): Promise<string> {
  const outputPath = join(folder, `${model.replaceAll('/', '_')}-f32.gguf`);
  await quantizeFile({
    inputPath: modelPath(model),
    outputPath,
    quantization: plainQuantization('f32'),
    imatrix: null,
    threads: 1,
  });
  return outputPath;
}

describe('adapters with llama.cpp', () => {
  test('attached and merged give the same logits, one and two of them', { timeout: 120_000 }, async () => {
    const base = await inF32('small');
    const both = [
      { path: r4, scale: 0.75 },
      { path: r16, scale: -0.5 },
    ];
    const plain = (await logits(base)).values;
    for (const parts of [[{ path: r4, scale: 1 }], both]) {
      const attached = await logits(base, parts);
      expect(attached.facts.adapterLoadSeconds).toBeGreaterThan(0);
      const words = parts.map(({ path, scale }) => [path, scale] as [string, number]);
      const beside = rootMeanSquare(attached.values, plain);
      expect(beside).toBeGreaterThan(0.2);
      // In f32 nothing is rounded but sums; in f16 each weight is once more, by 2^-11 at most.
      const whole = (await logits(await merged(base, words, 'f32.gguf'))).values;
      expect(rootMeanSquare(attached.values, whole)).toBeLessThan(1e-5);
      const halves = (await logits(await merged('small', words, 'f16.gguf'))).values;
      expect(rootMeanSquare(attached.values, halves)).toBeLessThan(0.01);
    }
  });

  test('a scale of 0 leaves the model, and a quantized one takes an adapter too', async () => {
    const base = (await logits(modelPath('small'))).values;
    expect((await logits(modelPath('small'), [{ path: r4, scale: 0 }])).values).toEqual(base);
    const outputPath = join(folder, 'q4_0.gguf');
    await quantizeFile({
      inputPath: modelPath('small'),
      outputPath,
      quantization: plainQuantization('q4_0'),
      imatrix: null,
      threads: 1,
    });
    const [without, beside] = [await logits(outputPath), await logits(outputPath, [{ path: r4, scale: 1 }])];
    const wanted = (await logits(modelPath('small'), [{ path: r4, scale: 1 }])).values;
    expect(rootMeanSquare(beside.values, wanted)).toBeLessThan(rootMeanSquare(without.values, wanted) / 2);
    expect(beside.warnings).toEqual([]);
  });

  test('what llama.cpp would not run rightly is refused before it does', async () => {
    const { adapter } = await readAdapterGguf(r4);
    const refused = async (path: string, model = 'small') =>
      toFailure(await logits(modelPath(model), [{ path, scale: 1 }]).catch((error) => error)).message;
    const dora: LowRankAdapter = {
      ...adapter,
      layers: new Map(
        [...adapter.layers].map(([name, layer]) => [
          name,
          { ...layer, magnitude: new Float32Array(layer.b.rows).fill(1) },
        ]),
      ),
    };
    const path = join(folder, 'dora.gguf');
    await writeAdapterGguf(path, dora);
    expect(await refused(path)).toContain('scales whole rows of the base (DoRA)');
    expect(await refused(r4, 'tiny')).toContain('is for another model than tiny-f16.gguf');
    adapter.layers.get('blk.3.ffn_up.weight')!.a.values[0] = Number.POSITIVE_INFINITY;
    await writeAdapterGguf(path, adapter);
    expect(await refused(path)).toContain('A of blk.3.ffn_up.weight has a number that is not finite');
  });
});

describe('an experiment with an adapter', () => {
  const llama = { kind: 'llama-cpp', options: { threads: 1 } };
  const small = { name: 'small', source: 'builtin:small', digest: null, facts: null };
  const quality = {
    text: 'builtin:sample',
    windows: 'llama',
    contextTokens: 256,
    stride: null,
    maxWindows: 2,
    tasks: [],
    base: true,
  } as const;
  const run = async (adapter: string, node = trialContext({ limits: { idleSeconds: 0 } }), rest = {}) => {
    const technique = { ...UNCHANGED, adapter };
    const asked = lease({ runner: llama, model: small, technique, quality, ...rest });
    return resultSchema.parse(JSON.parse(JSON.stringify(await startTrial(asked, node).done))) as ResultRecord;
  };
  const values =
    ({ measurements }: ResultRecord) =>
    (name: string) =>
      measurements[name]?.value ?? null;

  test('attached and merged score alike, differ from the base, and say what ran', {
    timeout: 120_000,
  }, async () => {
    const node = trialContext({ limits: { idleSeconds: 0 } });
    const attached = await run('builtin:small-pgdoc-r4', node);
    const merging = await run('builtin:small-pgdoc-r4?mode=merged', node);
    expect([attached.failure, merging.failure]).toEqual([null, null]);
    const digest = 'sha256:5ea3295e6964de4fe4fc7accaa9432c1d889223e9096f6d5edd26d4d4fdaed77';
    const source = 'builtin:small-pgdoc-r4';
    expect(attached.artifact).toMatchObject({
      recipe: 'base',
      adapters: [{ source, digest, bytes: 630_400, scale: 1 }],
    });
    expect(values(attached)('adapterBytes')).toBe(630_400);
    expect(values(attached)('adapterLoadSeconds')).toBeGreaterThan(0);
    expect(recompute(attached)).toEqual(attached);
    expect(merging.artifact).toMatchObject({
      recipe: `merge(${source})`,
      adapters: [],
      steps: [{ facts: { rank: '4', matrices: 56, adapterParameters: 155_648 } }],
    });
    expect(values(merging)('adapterBytes')).toBeNull();
    expect(values(merging)('makeSeconds')).toBeGreaterThan(0);
    // The text is small's own: an adapter for another domain makes it less likely, merged as much as
    // attached.
    const [one, other] = [values(attached), values(merging)];
    expect(one('perplexityRatio')).toBeGreaterThan(1.2);
    expect(Math.abs(other('perplexity')! / one('perplexity')! - 1)).toBeLessThan(1e-3);
    // The answers of one scale are not those of another.
    const half = await run('builtin:small-pgdoc-r4*0.5', node);
    expect(half.quality?.reused).toBe(false);
    expect(values(half)('perplexity')).toBeLessThan(one('perplexity')!);
  });

  test('a PEFT folder and random numbers are written for the engine once', { timeout: 120_000 }, async () => {
    const { adapter } = await readAdapterGguf(r4);
    await writePeft(join(folder, 'mine'), adapter, adapterBase(readGgufHeader(modelPath('small'))));
    const node = trialContext({ limits: { idleSeconds: 0 }, folders: [folder] });
    const peft = await run('mine*2+synthetic:lora?rank=8&targets=attn_q', node, { quality: null });
    expect(peft.failure).toBeNull();
    const numbers = 8 * 8 * (256 + 256) * 4;
    expect(peft.artifact?.adapters).toMatchObject([
      { source: 'mine', scale: 2 },
      // Each further synthetic adapter has the next seed.
      { source: 'synthetic:lora?rank=8&seed=2&targets=attn_q', scale: 1 },
    ]);
    expect(peft.artifact!.adapters[1]!.bytes).toBeGreaterThan(numbers);
    expect(peft.artifact!.adapters[1]!.bytes).toBeLessThan(numbers * 1.1);
    const random = await run('synthetic:lora?rank=8&targets=attn_q&mode=merged', node);
    expect(random.absent.quality).toContain('weights are random');
    expect(random.artifact?.recipe).toBe('merge(synthetic:lora?rank=8&targets=attn_q)');
  });

  test('fails with the reason, never to be tried again', { timeout: 120_000 }, async () => {
    const node = trialContext({ limits: { idleSeconds: 0 } });
    const tiny = { model: { ...small, name: 'tiny', source: 'builtin:tiny' }, quality: null };
    const merging = await run('builtin:small-pgdoc-r4?mode=merged', node, tiny);
    const attached = await run('builtin:small-pgdoc-r4', node, tiny);
    for (const { failure } of [merging, attached]) {
      expect(failure?.code).toBe('impossible-combination');
      expect(failure?.message).toMatch(
        /for another model than tiny.*as \[\d+, 256\], and the model has \[\d+, 128\]/,
      );
    }
    const nothing = await run('nothing.gguf', node, tiny);
    expect(nothing.failure?.message).toContain('nothing.gguf is not inside a model folder');
    const targets = await run('synthetic:lora?targets=attn_q,ffn_norm', node, tiny);
    expect(targets.failure?.message).toContain('the model has no ffn_norm for a synthetic adapter');
  });

  test('random numbers follow from the seed, one matrix as the other', async () => {
    const base = adapterBase(readGgufHeader(modelPath('tiny')));
    const adapter = syntheticAdapter({ rank: 3, targets: null, seed: 7 }, base);
    const again = syntheticAdapter({ rank: 3, targets: null, seed: 7 }, base);
    expect([...adapter.layers]).toEqual([...again.layers]);
    const other = syntheticAdapter({ rank: 3, targets: null, seed: 8 }, base);
    expect([...other.layers]).not.toEqual([...adapter.layers]);
    expect(adapter.layers.size).toBe(28);
  });
});
