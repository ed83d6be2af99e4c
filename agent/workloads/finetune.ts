import { basename } from 'node:path';
import { readText } from '../../artifacts/files/text.js';
import { failed } from '../../core/errors.js';
import { rateAt, type TrainingSettings } from '../../core/training/methods.js';
import { trainingSettings } from '../../core/training/options.js';
import type { TrainingRecord } from '../../core/training/record.js';
import { finetune as description } from '../../core/workloads/finetune.js';
import {
  NOT_LEARNT,
  type TrainableModel,
  type Trainer,
  type TrainingBatch,
  type TrainingStep,
} from '../../engines/runners/trainer.js';
import { relativeHalfWidth } from '../../statistics/interval.js';
import { warmupSettled } from '../../statistics/stopping.js';
import { datasetOf, datasetOfExamples, type TrainingDataset } from './dataset.js';
import { cutExample, readExamples } from './examples.js';
import {
  defineWorkload,
  rest,
  type TrainingInput,
  type WorkloadContext,
  type WorkloadOutcome,
} from './workload.js';

/**
 * So many steps of training on a text, or on prompts with answers. A step is a repeat: the first ones, until
 * their times agree, are the warm-up of the measurement, and train like the others.
 */
export const finetune = defineWorkload(description, (options) => {
  const settings = trainingSettings(options);
  return {
    demands: { training: settings },
    run: async (model, context, input) =>
      await train(model, settings, datasetFor(model, settings, input.textPath), context, input),
  };
});

/** Losses on held-out windows are means over at most this many: they only have to show a change. */
const MOST_HELD_OUT = 64;

async function train(
  { facts, trainer }: TrainableModel,
  settings: TrainingSettings,
  dataset: TrainingDataset,
  context: WorkloadContext,
  { onProgress, keep }: TrainingInput,
): Promise<WorkloadOutcome> {
  const { steps, sequences, windowTokens, method } = settings;
  const evalBefore = await heldOutLoss(trainer, dataset, context);
  onProgress({ step: 0, steps, loss: null, evalLoss: evalBefore });
  const taken: TrainingStep[] = [];
  let warmups = 0;
  let settled = context.measure.maxWarmups === 0;
  let learntTokens = 0;
  while (taken.length < steps) {
    const batch = dataset.next();
    const start = context.now();
    const step = trainer.step(batch, rateAt(settings, taken.length));
    const end = context.now();
    taken.push(step);
    learntTokens += learnt(batch);
    // At least one step is measured.
    const warming = !settled && warmups < context.measure.maxWarmups && warmups < steps - 1;
    const tokens = sequences * windowTokens;
    if (warming) {
      context.stamp('warm-up', warmups, start, end, tokens);
      warmups += 1;
      settled = warmupSettled(secondsOf(taken), context.measure.warmupSpread);
    } else context.stamp('train', taken.length - 1 - warmups, start, end, tokens);
    onProgress({ step: taken.length, steps, loss: step.loss, evalLoss: null });
    await rest(context);
  }
  const evalAfter = await heldOutLoss(trainer, dataset, context);
  onProgress({ step: taken.length, steps, loss: null, evalLoss: evalAfter });
  const whole = secondsOf(taken);
  const record: Omit<TrainingRecord, 'made'> = {
    method,
    trainableParameters: trainer.trainableParameters,
    baseParameters: facts.parameters ?? 0,
    windows: dataset.windows,
    heldOutWindows: dataset.heldOut.length * sequences,
    sequencesPerStep: sequences,
    windowTokens,
    ...(settings.answersOnly && { examples: { learntTokens, leftOut: dataset.leftOut } }),
    losses: taken.map(({ loss }) => loss),
    evalBefore,
    evalAfter,
    stepSeconds: {
      whole,
      forward: taken.map(({ forwardSeconds }) => forwardSeconds),
      backward: taken.map(({ backwardSeconds }) => backwardSeconds),
      optimizer: taken.map(({ optimizerSeconds }) => optimizerSeconds),
    },
    memory: trainer.memory,
  };
  const rates = whole.slice(warmups).map((seconds) => 1 / seconds);
  return {
    repeats: taken.length - warmups,
    warmups,
    warmupSettled: settled,
    stop: 'steps-done',
    halfWidth: relativeHalfWidth(rates, context.measure.confidence),
    tokenSeconds: [],
    findings: { of: 'training', record, kept: keep === null ? null : await keep(trainer.result()) },
  };
}

function datasetFor(model: TrainableModel, settings: TrainingSettings, textPath: string): TrainingDataset {
  const { answersOnly } = settings;
  const dataset = answersOnly
    ? datasetOfExamples(cutExamples(model, textPath), settings)
    : datasetOf(model.tokenize(readText(textPath)), model.beginToken, settings);
  if (typeof dataset !== 'string') return dataset;
  const hint = answersOnly
    ? 'Give more examples, raise windowTokens, or lower sequencesPerStep or heldOutShare.'
    : 'Give a longer text, or lower windowTokens or heldOutShare.';
  throw failed('impossible-combination', `${textPath}: ${dataset}`, hint);
}

function cutExamples(model: TrainableModel, path: string) {
  return readExamples(path).map((example, i) => {
    const cut = cutExample(example, model);
    if (typeof cut !== 'string') return cut;
    throw failed('impossible-combination', `example ${i + 1} of ${basename(path)}: ${cut}`);
  });
}

const learnt = ({ labels }: TrainingBatch) =>
  labels.reduce((sum, label) => sum + (label === NOT_LEARNT ? 0 : 1), 0);

async function heldOutLoss(
  trainer: Trainer,
  dataset: TrainingDataset,
  context: WorkloadContext,
): Promise<number | null> {
  const batches = dataset.heldOut.slice(0, MOST_HELD_OUT);
  if (batches.length === 0) return null;
  let [sum, tokens] = [0, 0];
  for (const batch of batches) {
    const count = learnt(batch);
    sum += count * trainer.evaluate(batch);
    tokens += count;
    await rest(context);
  }
  return sum / tokens;
}

const secondsOf = (steps: readonly TrainingStep[]) => steps.map(({ seconds }) => seconds);
