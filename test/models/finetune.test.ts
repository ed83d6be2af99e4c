import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startTrial } from '../../agent/trial/start.js';
import { readPeft } from '../../artifacts/adapters/peft.js';
import { recompute } from '../../batching/judge.js';
import { FailureError } from '../../core/errors.js';
import { isPresent, resultSchema } from '../../core/result/result.js';
import { QUALITY } from '../../core/sweep/schema.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { predictTraining } from '../../core/training/memory.js';
import { TRAINING_METHODS, type TrainingMethod } from '../../core/training/methods.js';
import type { GgmlTrainer } from '../../engines/runners/ggml/trainer.js';
import { NOT_LEARNT, type TrainingBatch, type TrainingMemory } from '../../engines/runners/trainer.js';
import { adapterBase } from '../../formats/adapters/base.js';
import { readAdapterGguf } from '../../formats/adapters/gguf.js';
import { modelFacts, weightBytes } from '../../formats/gguf/facts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { lease, trialContext } from '../support/bench.js';
import { sharedFolder } from '../support/folder.js';
import { load, logProbabilities, modelPath } from './loading.js';
import { asQwen3, batchOf, changed, quantized, SETTINGS, trainerFor, writeShape } from './training.js';

const folder = sharedFolder();

/**
 * Two layers, three heads on one group: everything that a layer can have, and quick to take differences of.
 */
const TOY =
  'layers=2&embedding=96&headLength=32&heads=3&kvHeads=1&feedForward=160&vocabulary=200&contextLength=64&type=f32';

/** Share by which a difference of losses along a parameter's gradient may miss the gradient's length. */
const TOLERANCE = 0.02;
/** What two losses of f32 may differ by without meaning it. */
const ROUNDING = 2e-6;

/**
 * Compares every parameter's gradient with the central difference of the loss along it.
 * @returns the worst share.
 */
function worstMiss(trainer: GgmlTrainer, batch: TrainingBatch): { share: number; where: string } {
  const { parameters, gradients, lossAgain } = trainer.gradientsAt(batch);
  expect([...gradients.keys()].sort()).toEqual([...parameters.keys()].sort());
  let worst = { share: 0, where: '' };
  for (const [name, gradient] of gradients) {
    const values = parameters.get(name)!;
    const length = norm(gradient);
    expect(length, name).toBeGreaterThan(0);
    const start = values.slice();
    // A change of the loss that its rounding does not drown, and that is small beside the parameter.
    const reach = Math.min(6e-3 / length, 0.02 * norm(values));
    const at = (way: number) => {
      for (let i = 0; i < values.length; i++) values[i] = start[i]! + (way * reach * gradient[i]!) / length;
      return lossAgain();
    };
    const miss = Math.abs((at(1) - at(-1)) / (2 * reach) - length);
    const share = Math.max(0, miss - ROUNDING / reach) / length;
    values.set(start);
    if (share > worst.share) worst = { share, where: name };
  }
  return worst;
}

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe('gradients are those of the loss', () => {
  const methods: readonly TrainingMethod[] = TRAINING_METHODS.filter((method) => method !== 'qlora');
  test.each(methods)('%s', async (method) => {
    const model = await writeShape(folder, `synthetic:llama?${TOY}`);
    const { trainer, close } = await trainerFor(model, { method });
    const batch = batchOf(SETTINGS, 200);
    // B begins at 0, and A without a gradient.
    const rate = method === 'lora-plus' ? 1e-3 : 1e-2;
    trainer.step(batch, rate);
    trainer.step(batch, rate);
    const { share, where } = worstMiss(trainer, batch);
    expect(share, where).toBeLessThan(TOLERANCE);
    close();
  });

  test.each(['lora', 'full'] as const)('%s, of answers alone', async (method) => {
    const model = await writeShape(folder, `synthetic:llama?${TOY}`);
    const { trainer, close } = await trainerFor(model, { method, answersOnly: true });
    const batch = answersOf(batchOf(SETTINGS, 200));
    for (let i = 0; i < 2; i++) trainer.step(batch, 1e-2);
    const { share, where } = worstMiss(trainer, batch);
    expect(share, where).toBeLessThan(TOLERANCE);
    close();
  });

  test.each(['qwen2', 'qwen3'])('full, with the biases or norms of %s and a tied output', async (name) => {
    const qwen2 = await writeShape(folder, `synthetic:qwen2?${TOY}&tied=true`);
    const model = name === 'qwen2' ? qwen2 : await asQwen3(qwen2, folder);
    const { trainer, close } = await trainerFor(model, { method: 'full' });
    const { share, where } = worstMiss(trainer, batchOf(SETTINGS, 200));
    expect(share, where).toBeLessThan(TOLERANCE);
    close();
  });
});

/** The same tokens, of which those behind the fourth of a window are answers, three of the second. */
const answersOf = ({ tokens, labels }: TrainingBatch): TrainingBatch => ({
  tokens,
  labels: labels.map((label, i) => (i % 12 < 4 || i > 18 ? NOT_LEARNT : label)),
});

/** Keys and values as exact as in the training graph. */
const EXACT = { flashAttention: false, kvCacheTypeK: 'f32', kvCacheTypeV: 'f32' };

/** Mean −log p of the labels that are learnt by llama.cpp, window by window. */
async function lossOf(path: string, batch: TrainingBatch, windowTokens: number): Promise<number> {
  const model = await load(path, EXACT, { contextTokens: 256 });
  let sum = 0;
  for (let start = 0; start < batch.tokens.length; start += windowTokens) {
    model.reset(0);
    model.text.evaluate(batch.tokens.slice(start, start + windowTokens), 0, (i, logits) => {
      const label = batch.labels[start + i]!;
      if (label !== NOT_LEARNT) sum -= logProbabilities(logits)[label]!;
    });
  }
  model.close();
  return sum / batch.labels.filter((label) => label !== NOT_LEARNT).length;
}

describe('the loss is that of llama.cpp', () => {
  const shapes: [string, (f: string) => Promise<string>][] = [
    ['a shipped model', async () => 'small'],
    ['a quantized base', (f) => quantized('small', 'q4_k_m', f)],
    [
      'rope factors, and heads wider than the embedding',
      (f) => writeShape(f, 'synthetic:llama-3.2-3b?layers=2&vocabulary=512&embedding=256&feedForward=256'),
    ],
    ['qwen 2', (f) => writeShape(f, `synthetic:qwen2?${TOY}`)],
    ['qwen 3', async (f) => asQwen3(await writeShape(f, `synthetic:qwen2?${TOY}`), f)],
  ];
  test.each(shapes)('%s', async (name, make) => {
    const path = await make(folder);
    const settings = { ...SETTINGS, windowTokens: 24 };
    const batch = batchOf(settings, 200);
    const expected = await lossOf(path, batch, 24);
    // B is 0 at first, so an adapter changes nothing yet.
    const { trainer, close } = await trainerFor(path, { ...settings, method: 'lora' });
    // What quantized weights are multiplied with is rounded to int8, by each level of processor in an order
    // of its own: off by 5e-8 of the loss with the engine's library for x64, 4e-5 with AVX-512, 7e-4 with
    // AVX2.
    const bound = name === 'a quantized base' ? 2e-3 : 1e-4;
    expect(Math.abs(trainer.evaluate(batch) / expected - 1)).toBeLessThan(bound);
    close();
  });

  test('of answers alone, whatever stands behind them', async () => {
    const batch = answersOf(batchOf(SETTINGS, 4000));
    const expected = await lossOf(modelPath('tiny'), batch, SETTINGS.windowTokens);
    const { trainer, close } = await trainerFor('tiny', { answersOnly: true });
    expect(Math.abs(trainer.evaluate(batch) / expected - 1)).toBeLessThan(1e-4);
    const behind = { ...batch, tokens: batch.tokens.map((token, i) => (i > 18 ? 7 : token)) };
    expect(trainer.evaluate(behind)).toBe(trainer.evaluate(batch));
    // A mean over all tokens is what a batch without a prompt gives, too.
    const whole = batchOf(SETTINGS, 4000);
    const { trainer: plain, close: closePlain } = await trainerFor('tiny');
    expect(trainer.evaluate(whole)).toBeCloseTo(plain.evaluate(whole), 5);
    close();
    closePlain();
  });

  test.each(['rslora', 'dora', 'pissa'] as const)(
    'and %s changes nothing before its first step',
    async (method) => {
      const model = await writeShape(folder, `synthetic:llama?${TOY}`);
      const batch = batchOf(SETTINGS, 200);
      const [plain, other] = [await trainerFor(model), await trainerFor(model, { method })];
      expect(other.trainer.evaluate(batch)).toBeCloseTo(plain.trainer.evaluate(batch), 4);
      plain.close();
      other.close();
    },
  );
});

describe('training', () => {
  test.each(TRAINING_METHODS)('%s lowers the loss on what it sees', async (method) => {
    const model = method === 'qlora' ? await quantized('tiny', 'q4_0', folder) : 'tiny';
    // Two matrices of each layer are enough for PiSSA, which decomposes them first.
    const { trainer, close } = await trainerFor(model, {
      method,
      targets: method === 'pissa' ? 'q-v' : 'all',
    });
    const batch = batchOf(SETTINGS, 4000);
    const before = trainer.evaluate(batch);
    for (let i = 0; i < 6; i++) trainer.step(batch, method === 'full' || method === 'freeze' ? 1e-3 : 5e-3);
    expect(trainer.evaluate(batch)).toBeLessThan(before - 0.3);
    close();
  });

  test('gives the same losses to the bit with the same seed, and others with another', async () => {
    const losses = async (seed: number) => {
      const { trainer, close } = await trainerFor('tiny', { seed });
      const batch = batchOf(SETTINGS, 4000);
      const all = Array.from({ length: 4 }, () => trainer.step(batch, 1e-2).loss);
      close();
      return all;
    };
    const [one, again, other] = [await losses(1), await losses(1), await losses(2)];
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  test.each(['lora', 'dora', 'pissa', 'freeze', 'full'] as const)(
    'takes the memory that was predicted for %s',
    async (method) => {
      const settings = {
        ...SETTINGS,
        method,
        windowTokens: 128,
        rank: 8,
        targets: method === 'pissa' ? 'q-v' : 'all',
      } as const;
      const header = readGgufHeader(modelPath('tiny'));
      const predicted = predictTraining(modelFacts(header), settings, weightBytes(header));
      const { trainer, close } = await trainerFor('tiny', settings);
      const all = (needs: TrainingMemory) =>
        Object.values(needs).reduce((sum: number, bytes: number) => sum + bytes, 0);
      const ratio = all(predicted) / all(trainer.memory);
      expect(ratio).toBeGreaterThan(0.98);
      expect(ratio).toBeLessThan(1.3);
      close();
    },
  );

  test('says what it holds in memory, and how its step divides', async () => {
    const [lora, full] = [await trainerFor('tiny'), await trainerFor('tiny', { method: 'full' })];
    expect(full.trainer.trainableParameters).toBe(1_115_264);
    expect(full.trainer.memory.weights).toBe(4 * 1_115_264);
    expect(full.trainer.memory.gradients).toBe(4 * 1_115_264);
    // Two moments, and the seven numbers of each group.
    expect(full.trainer.memory.optimizer).toBeGreaterThanOrEqual(8 * 1_115_264);
    expect(full.trainer.memory.optimizer).toBeLessThan(8 * 1_115_264 + 1000);
    // r (in + out) of every matrix of the four layers.
    const perLayer = 2 * (128 + 128) + 2 * (128 + 64) + 3 * (128 + 256);
    expect(lora.trainer.trainableParameters).toBe(4 * SETTINGS.rank * perLayer);
    const step = lora.trainer.step(batchOf(SETTINGS, 4000), 1e-3);
    const parts = step.forwardSeconds + step.backwardSeconds + step.optimizerSeconds;
    expect(parts).toBeLessThanOrEqual(step.seconds);
    lora.close();
    full.close();
  });
});

describe('refused with the reason', () => {
  const reason = async (path: string): Promise<string> => {
    const error = await trainerFor(path).catch((e: unknown) => e);
    if (!(error instanceof FailureError)) throw new Error('it was not refused');
    return error.failure.message;
  };
  const text = (value: string) => ({ type: 'string', value }) as const;

  test('an architecture whose feed-forward has no way back', async () => {
    const metadata = new Map([['general.architecture', text('gemma3')]]);
    expect(await reason(await changed('tiny', folder, 'gemma', { metadata }))).toMatch(/gemma3.*GEGLU/);
  });

  test('a mixture of experts that calls itself llama', async () => {
    const metadata = new Map([['llama.expert_count', { type: 'u32', value: 8 } as const]]);
    expect(await reason(await changed('tiny', folder, 'moe', { metadata }))).toMatch(/mixture of experts/);
  });

  test('scaled positions', async () => {
    const metadata = new Map([['llama.rope.scaling.type', text('yarn')]]);
    expect(await reason(await changed('tiny', folder, 'yarn', { metadata }))).toMatch(/positions are scaled/);
  });
});

describe('an experiment that fine-tunes', () => {
  test('gives a record with its losses, times, memory and adapter', async () => {
    const node = trialContext({ limits: { idleSeconds: 0 } });
    const options = { steps: 5, windowTokens: 32, text: 'builtin:sample', learningRate: 0.005 };
    const changes = {
      runner: { kind: 'ggml', options: { threads: 1 } },
      workload: { kind: 'finetune', options },
    };
    const record = resultSchema.parse(
      JSON.parse(JSON.stringify(await startTrial(lease(changes), node).done)),
    );
    expect(record.failure).toBeNull();
    const { training } = record;
    expect(training!.losses).toHaveLength(5);
    expect(training!.evalAfter).toBeLessThan(training!.evalBefore!);
    expect(record.repeats).toMatchObject({ count: 4, warmups: 1, stop: 'steps-done' });
    expect(record.phases.filter(({ name }) => name === 'train').map(({ tokens }) => tokens)).toEqual([
      32, 32, 32, 32,
    ]);
    for (const metric of [
      'trainTokensPerSecond',
      'backwardSeconds',
      'evalLoss',
      'gradientBytes',
      'trainedBytes',
    ])
      expect(isPresent(record.measurements[metric]), metric).toBe(true);
    expect(record.measurements.prefillTokensPerSecond).toMatchObject({ value: null });
    expect(recompute(record)).toEqual(record);

    const path = join(node.models.cacheFolder, 'artifacts', 'trained-x000000000000000000000001.gguf');
    const base = adapterBase(readGgufHeader(modelPath('tiny')));
    const [gguf, peft] = [
      await readAdapterGguf(path),
      await readPeft(path.replace(/\.gguf$/, '.peft'), base),
    ];
    expect(gguf.adapter.layers.size).toBe(4 * 7);
    for (const [name, { a, b, scale }] of gguf.adapter.layers) {
      expect(peft.adapter.layers.get(name), name).toEqual({ a, b, scale, magnitude: null });
      expect(norm(b.values), name).toBeGreaterThan(0);
    }
  });

  test('asks what it made: DoRA merged onto its quantized base, better on its text than the base', {
    timeout: 180_000,
  }, async () => {
    const node = trialContext({ limits: { idleSeconds: 0 } });
    const record = await startTrial(
      lease({
        technique: { ...UNCHANGED, quantization: 'q8_0' },
        runner: { kind: 'ggml', options: { threads: 1 } },
        workload: {
          kind: 'finetune',
          options: {
            method: 'dora',
            steps: 12,
            windowTokens: 64,
            text: 'builtin:sample',
            learningRate: 0.002,
          },
        },
        quality: {
          ...QUALITY.parse({ contextTokens: 64, maxWindows: 12 }),
          text: 'builtin:sample',
          tasks: [],
        },
      }),
      node,
    ).done;
    expect(record.failure).toBeNull();
    expect(record.training!.evalAfter).toBeLessThan(record.training!.evalBefore!);
    expect(record.quality!.text!.againstBase!.perplexityRatio.value).toBeLessThan(0.99);
    const left = readdirSync(join(node.models.cacheFolder, 'artifacts'));
    expect(left.filter((name) => name.includes('merged'))).toEqual([]);
  });

  test('learns answers of a file of prompts, and says which line of it is none', {
    timeout: 180_000,
  }, async () => {
    const runner = { kind: 'ggml', options: { threads: 1 } };
    const models = mkdtempSync(join(folder, 'models-'));
    const trained = async (lines: readonly object[]) => {
      writeFileSync(join(models, 'pairs.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      const options = { steps: 3, windowTokens: 16, text: 'pairs.jsonl', heldOutShare: 0 };
      const node = trialContext({ limits: { idleSeconds: 0 }, folders: [models] });
      return await startTrial(lease({ runner, workload: { kind: 'finetune', options } }), node).done;
    };
    const record = await trained([
      { prompt: 'Once upon a time there was a ', completion: 'fox.' },
      { prompt: 'Once upon a time '.repeat(20), completion: 'no.' },
    ]);
    expect(record.failure).toBeNull();
    expect(record.training!.windows).toBe(1);
    const { learntTokens, leftOut } = record.training!.examples!;
    expect(leftOut).toBe(1);
    // Of each step: `fox` in one or two tokens, the point and the end.
    expect(learntTokens % 3).toBe(0);
    expect(learntTokens / 3).toBeGreaterThanOrEqual(2);
    expect(learntTokens / 3).toBeLessThanOrEqual(5);
    const refused = await trained([
      { prompt: 'a', completion: 'b' },
      { instruction: 'c', output: 'd' },
    ]);
    expect(refused.failure?.message).toMatch(/pairs.jsonl:2: .*neither prompt and completion nor messages/);
  });

  test('says why a text is too short', async () => {
    const options = { steps: 5, windowTokens: 512, sequencesPerStep: 64, text: 'builtin:sample' };
    const runner = { kind: 'ggml', options: { threads: 1 } };
    const record = await startTrial(
      lease({ runner, workload: { kind: 'finetune', options } }),
      trialContext({ limits: { idleSeconds: 0 } }),
    ).done;
    expect(record.failure?.code).toBe('impossible-combination');
    expect(record.failure?.message).toMatch(
      /the text has \d+ tokens, and one step and the held-out windows need 65536/,
    );
  });
});
