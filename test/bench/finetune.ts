// Fine-tunes the shipped small model by every method on one text and asks for its perplexity on another: does the loss fall, does
// the text that was not seen get more likely, do the parts of a step add up, is the memory what was predicted?
// `STEPS=12 npm run bench -- finetune` is a quick look, too short for the first claim; RIDGEPOINT_MATERIAL names a folder with data/pgdoc-train.txt and pgdoc-test.txt.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { QUALITY } from '../../agent/quality/jobs.js';
import { TRIAL } from '../../agent/trial/job.js';
import type { WorkloadOutcome } from '../../agent/workloads/workload.js';
import { builtinFolder } from '../../artifacts/files/source.js';
import { formatValue } from '../../core/metrics/format.js';
import { median } from '../../core/statistics/quantile.js';
import { MEASURE } from '../../core/sweep/schema.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { predictTraining } from '../../core/training/memory.js';
import { TRAINING_METHODS, type TrainingMethod } from '../../core/training/methods.js';
import { trainingSettings } from '../../core/training/options.js';
import type { TrainingRecord } from '../../core/training/record.js';
import { QUANTIZE } from '../../engines/runners/jobs.js';
import { modelFacts, weightBytes } from '../../formats/gguf/facts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { type ChildMessage, type Task, taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { conclude, type Figure } from './figure.js';

const steps = Number(process.env.STEPS ?? 60);
const threads = Number(process.env.THREADS ?? availableParallelism());
const small = join(builtinFolder(), 'small-f16.gguf');
const material = process.env.RIDGEPOINT_MATERIAL;
const sample = join(builtinFolder(), 'sample.txt');
const [text, unseen] =
  material !== undefined && existsSync(join(material, 'data/pgdoc-train.txt'))
    ? [join(material, 'data/pgdoc-train.txt'), join(material, 'data/pgdoc-test.txt')]
    : [sample, sample];
if (text === sample)
  console.log('without RIDGEPOINT_MATERIAL: the sample text, whose perplexity is of what was trained on');

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-finetune-'));
const cpus: readonly number[] = [];
const place = { deviceClass: 'cpu', deviceId: 'cpu0', cpus };

async function child<Answer, Report extends ChildMessage>(task: Task<Answer, Report>): Promise<Answer> {
  const launched = launch({
    task,
    cpus,
    timeLimitSeconds: 1800,
    memoryLimitBytes: null,
    onMessage: (message) => {
      if (message.type === 'resting') launched.resume();
    },
  });
  const { answer, failure } = await launched.ended;
  if (failure !== null) throw new Error(failure.message);
  return answer;
}

/** Whole weights bear a tenth of what factors do. */
const rateOf = (method: TrainingMethod) => (method === 'full' || method === 'freeze' ? 1e-4 : 1e-3);
const optionsOf = (method: TrainingMethod, heldOutShare = 0) => ({
  method,
  steps,
  windowTokens: 256,
  learningRate: rateOf(method),
  learningRateRatio: 4,
  heldOutShare,
});

async function train(modelPath: string, method: TrainingMethod, name: string): Promise<WorkloadOutcome> {
  const request = {
    runner: { kind: 'ggml', options: { threads } },
    workload: { kind: 'finetune', options: optionsOf(method) },
    measure: MEASURE.parse({ warmupSpread: 0.1, maxWarmups: 5 }),
    modelPath,
    adapters: [],
    ...place,
    minPhaseSeconds: 0,
    training: { textPath: text, keepPath: join(folder, `${name}.gguf`), runnable: true },
  };
  return await child(taskOf(TRIAL, request));
}

async function perplexity(modelPath: string, adapterPath: string | null): Promise<number> {
  const adapters = adapterPath === null ? [] : [{ path: adapterPath, source: 'it', scale: 1 }];
  const windows = { scheme: 'llama', context: 256, stride: null, maxWindows: 40 } as const;
  const answer = await child(
    taskOf(QUALITY, {
      model: { runnerKind: 'llama-cpp', modelPath, adapters, options: { threads }, ...place },
      base: null,
      request: { text: { path: unseen, windows, basePrecision: 'llama' }, tasks: [] },
      trainedContext: 512,
      scorers: {},
    }),
  );
  if (answer.text === null) throw new Error('no perplexity');
  return answer.text.perplexity.value;
}

async function converted(quantization: string): Promise<string> {
  const outputPath = join(folder, `small-${quantization}.gguf`);
  const spec = plainQuantization(quantization);
  const order = {
    runnerKind: 'llama-cpp',
    inputPath: small,
    outputPath,
    quantization: spec,
    imatrix: null,
    threads,
  };
  await child(taskOf(QUANTIZE, order));
  return outputPath;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const total = (values: readonly number[], warmups: number) =>
  values.slice(warmups).reduce((sum, value) => sum + value, 0);

function partsShare({ stepSeconds }: TrainingRecordOf, warmups: number): number {
  const parts = [stepSeconds.forward, stepSeconds.backward, stepSeconds.optimizer];
  return parts.reduce((sum, part) => sum + total(part, warmups), 0) / total(stepSeconds.whole, warmups);
}
type TrainingRecordOf = Omit<TrainingRecord, 'made'>;

try {
  const q4 = await converted('q4_k_m');
  const basePerplexity = await perplexity(small, null);
  console.log(`perplexity of the base on ${unseen.split('/').at(-1)}: ${basePerplexity.toFixed(2)}`);
  const figures: Figure[] = [];
  const worst = { fall: -Infinity, perplexity: 0, parts: 1, low: Infinity, high: 0 };
  console.log(
    'method     trained   loss first → last   perplexity  tokens/s  forward backward optimizer    memory',
  );
  for (const method of TRAINING_METHODS) {
    const base = method === 'qlora' ? q4 : small;
    const { findings, warmups } = await train(base, method, method);
    if (findings?.of !== 'training' || findings.kept === null) throw new Error('nothing was trained');
    const { record: training, kept } = findings;
    const ten = Math.max(1, Math.floor(steps / 6));
    const [first, last] = [mean(training.losses.slice(0, ten)), mean(training.losses.slice(-ten))];
    const after = await perplexity(kept.modelPath ?? base, kept.modelPath === null ? kept.path : null);
    const parts = partsShare(training, warmups);
    const header = readGgufHeader(base);
    const needs = predictTraining(
      modelFacts(header),
      trainingSettings(optionsOf(method)),
      weightBytes(header),
    );
    const taken = Object.values(training.memory).reduce((sum, bytes) => sum + bytes, 0);
    const ratio = Object.values(needs).reduce((sum, bytes) => sum + bytes, 0) / taken;
    worst.fall = Math.max(worst.fall, last - first);
    worst.perplexity = Math.max(worst.perplexity, after / basePerplexity);
    worst.parts = Math.min(worst.parts, parts);
    worst.low = Math.min(worst.low, ratio);
    worst.high = Math.max(worst.high, ratio);
    const shares = [
      training.stepSeconds.forward,
      training.stepSeconds.backward,
      training.stepSeconds.optimizer,
    ].map((part) =>
      `${((100 * total(part, warmups)) / total(training.stepSeconds.whole, warmups)).toFixed(1)} %`.padStart(
        8,
      ),
    );
    const rate = 256 / median(training.stepSeconds.whole.slice(warmups));
    console.log(
      `${method.padEnd(10)} ${String(training.trainableParameters).padStart(7)}   ${first.toFixed(3)} → ${last.toFixed(3)}      ${after.toFixed(2).padStart(10)}  ${rate.toFixed(0).padStart(8)} ${shares.join(' ')}  ${formatValue(taken, 'B').padStart(8)} (predicted ${ratio.toFixed(2)})`,
    );
  }
  figures.push({
    claim: 'the mean loss of the last steps less that of the first, worst method',
    measured: worst.fall.toFixed(3),
    required: 'below 0',
    holds: worst.fall < 0,
  });
  figures.push({
    claim: `perplexity on ${text === unseen ? 'the same text' : 'text that was not seen'} over the base's, worst method`,
    measured: worst.perplexity.toFixed(3),
    required: 'below 1',
    holds: worst.perplexity < 1,
  });
  figures.push({
    claim: 'forward, backward and optimizer as a share of the whole step, worst method',
    measured: `${(100 * worst.parts).toFixed(1)} %`,
    required: '95 to 100 %',
    holds: worst.parts >= 0.95 && worst.parts <= 1,
  });
  figures.push({
    claim: 'predicted memory over what was taken, all methods',
    measured: `${worst.low.toFixed(2)} to ${worst.high.toFixed(2)}`,
    required: '0.98 to 1.4',
    holds: worst.low >= 0.98 && worst.high <= 1.4,
  });
  // What the type of a frozen base costs: the same adapter, one after the other.
  const f32 = await converted('f32');
  for (const [name, base] of [
    ['f16', small],
    ['f32', f32],
    ['q4_k_m', q4],
    ['f16', small],
  ] as const) {
    const { findings, warmups } = await train(base, 'lora', `base-${name}`);
    if (findings?.of !== 'training') throw new Error('nothing was trained');
    console.log(
      `lora on a frozen ${name}: ${(256 / median(findings.record.stepSeconds.whole.slice(warmups))).toFixed(0)} tokens/s`,
    );
  }
  conclude('finetune', figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
