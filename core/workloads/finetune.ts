import { z } from 'zod';
import type { Options } from '../sweep/experiment.js';
import { numberOn, type Rule } from '../sweep/rule.js';
import { BUILTIN_TEXT } from '../techniques/calibration-spec.js';
import { headOf } from '../techniques/spelling.js';
import { whyNotTrainable } from '../training/architectures.js';
import {
  SCHEDULES,
  TRAINING_METHODS,
  TRAINING_TARGETS,
  type TrainingSettings,
  type TrainingTargets,
} from '../training/methods.js';
import type { WorkloadKind } from './workload.js';

const FLOATS: readonly unknown[] = ['f32', 'f16', 'bf16'];
/** Of `base` only the file can tell, when it is opened. */
const isQuantized = (word: unknown) => word !== 'base' && !FLOATS.includes(headOf(String(word)));

const trainable: Rule = {
  axes: ['model'],
  reason(values, facts) {
    const why = facts === null ? null : whyNotTrainable(facts.architecture);
    return why === null ? null : `model ${values.model} cannot be trained: ${why}`;
  },
};

const withinContext: Rule = {
  axes: ['model', 'windowTokens'],
  reason: (values, facts) =>
    facts !== null && (numberOn(values, 'windowTokens') ?? 0) > facts.contextLength
      ? `windowTokens is more than the ${facts.contextLength} tokens that model ${values.model} was trained for: lower it`
      : null,
};

/** QLoRA's base is an axis of its own, and a row that says qlora must have one. */
const quantizedBase: Rule = {
  axes: ['method', 'quantization'],
  reason: ({ method, quantization }) =>
    method === 'qlora' && FLOATS.includes(headOf(String(quantization)))
      ? `qlora is lora over a quantized base, and the quantization is ${quantization}: list q8_0 or q4_k_m instead, or use lora`
      : null,
};

/** `base` is what the file is, which its facts say. */
const quantizedFile: Rule = {
  axes: ['model', 'method', 'quantization'],
  reason: ({ model, method, quantization }, facts) =>
    method === 'qlora' && quantization === 'base' && FLOATS.includes(facts?.quantization)
      ? `qlora is lora over a quantized base, and model ${model} is ${facts?.quantization}: list a quantization such as q4_k_m, or use lora`
      : null,
};

/** A step is smaller than what lies between two quantized values. */
const floatBase: Rule = {
  axes: ['method', 'quantization'],
  reason: ({ method, quantization }) =>
    ['full', 'freeze', 'pissa'].includes(String(method)) && isQuantized(quantization)
      ? `${method} changes the base's weights, and quantized ones cannot be moved in small steps: use f16, or train an adapter`
      : null,
};

/** Steps of training on a text, as LLaMA-Factory's stage sft with packed windows. */
export const finetune: WorkloadKind = {
  kind: 'finetune',
  summary: 'so many steps of training on a text: an adapter, the last layers, or all weights',
  options: z.strictObject({
    method: z
      .enum(TRAINING_METHODS)
      .default('lora')
      .describe('What is trained; qlora is lora, and refuses a base that is not quantized.'),
    rank: z.int().min(1).max(1024).default(8).describe('r of the adapter: columns of B and rows of A.'),
    alpha: z
      .number()
      .gt(0)
      .max(65_536)
      .default(16)
      .describe('B A is multiplied by alpha / r, under rslora by alpha / √r.'),
    targets: z
      .enum(Object.keys(TRAINING_TARGETS) as TrainingTargets[])
      .default('all')
      .describe('The matrices of each layer that get an adapter.'),
    trainedLayers: z
      .int()
      .min(1)
      .max(1000)
      .default(2)
      .describe('Of freeze: how many layers at the end are trained.'),
    learningRate: z.number().gt(0).max(1).default(0.0005).describe('Rate of AdamW after its rise.'),
    learningRateRatio: z
      .number()
      .min(1)
      .max(1000)
      .default(16)
      .describe('Of lora-plus: the rate of B over the rate of A.'),
    weightDecay: z.number().min(0).max(1).default(0).describe('Decay of AdamW, on matrices alone.'),
    schedule: z
      .enum(SCHEDULES)
      .default('constant')
      .describe('The learning rate after its rise: constant, or falling to 0 by a line or half a cosine.'),
    rampSteps: z.int().min(0).max(1e6).default(0).describe('Steps over which the learning rate rises.'),
    steps: z.int().min(1).max(1e6).default(30).describe('Steps of the optimizer.'),
    sequencesPerStep: z.int().min(1).max(256).default(1).describe('Windows of the text in one step.'),
    windowTokens: z.int().min(2).max(131_072).default(128).describe('Tokens of a window.'),
    text: z
      .string()
      .min(1)
      .max(4096)
      .default(BUILTIN_TEXT)
      .describe(`What is trained on: \`${BUILTIN_TEXT}\`, or a path below a model folder of the node.`),
    heldOutShare: z
      .number()
      .min(0)
      .max(0.5)
      .default(0.1)
      .describe(
        "Share of the text's windows, at its end, that only the loss before and after is taken from.",
      ),
    seed: z.int().min(0).max(0x7fff_ffff).default(1).describe('Of the first A and the order of windows.'),
  }),
  needs: 'trainer',
  lessMemory: 'Lower windowTokens or sequencesPerStep, or train fewer parameters.',
  rules: [trainable, withinContext, quantizedBase, quantizedFile, floatBase],
  alsoKnownAs: {
    finetuning_type: 'method',
    peft: 'method',
    r: 'rank',
    lora_r: 'rank',
    lora_rank: 'rank',
    lora_alpha: 'alpha',
    lora_target: 'targets',
    target_modules: 'targets',
    freeze_trainable_layers: 'trainedLayers',
    lr: 'learningRate',
    learning_rate: 'learningRate',
    loraplus_lr_ratio: 'learningRateRatio',
    weight_decay: 'weightDecay',
    lr_scheduler_type: 'schedule',
    warmup_steps: 'rampSteps',
    max_steps: 'steps',
    per_device_train_batch_size: 'sequencesPerStep',
    cutoff_len: 'windowTokens',
    dataset: 'text',
    val_size: 'heldOutShare',
  },
};

/** @returns the settings that the options of one point say, defaults filled in. @throws ZodError */
export function trainingSettings(options: Options): TrainingSettings {
  const { sequencesPerStep, text: _, ...rest } = finetune.options.parse(options) as Record<string, unknown>;
  return { ...rest, sequences: sequencesPerStep } as unknown as TrainingSettings;
}
