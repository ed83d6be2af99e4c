import { numberOn, type Rule, refuse } from '../experiment/rule.js';
import { aliases } from '../input/aliases.js';
import { fileArchitecture } from '../models/conversions.js';
import { headOf } from '../techniques/spelling.js';
import { whyNotTrainable } from '../training/architectures.js';
import { trainingOptions, WINDOW_TOKENS } from '../training/options.js';
import { EVERY_ROW, lackingWhere, type WorkloadKind } from './workload.js';

const FLOATS: readonly unknown[] = ['f32', 'f16', 'bf16'];
/** Of `base` only the file can tell, when it is opened. */
const isQuantized = (setting: unknown) => setting !== 'base' && !FLOATS.includes(headOf(String(setting)));

const trainable: Rule = {
  axes: ['model'],
  reason(values, facts) {
    const architecture = facts === null ? null : fileArchitecture(facts);
    const why = architecture === null ? null : whyNotTrainable(architecture, facts?.experts);
    return why === null ? null : `model ${values.model} cannot be trained: ${why}`;
  },
};

const withinContext: Rule = {
  axes: ['model', 'windowTokens'],
  reason(values, facts) {
    const context = facts?.contextLength ?? null;
    return context !== null && (numberOn(values, 'windowTokens') ?? 0) > context
      ? `windowTokens is more than the ${context} tokens that model ${values.model} was trained for: lower it`
      : null;
  },
};

/** QLoRA's base is an axis of its own, and a row that says qlora must have one. */
const quantizedBase = refuse(
  ['method', 'quantization'],
  ({ method, quantization }) => method === 'qlora' && FLOATS.includes(headOf(String(quantization))),
  ({ quantization }) =>
    `qlora is lora over a quantized base, and the quantization is ${quantization}: list q8_0 or q4_k_m instead, or use lora`,
);

/** `base` is what the file is, which its facts say. */
const quantizedFile = refuse(
  ['model', 'method', 'quantization'],
  ({ method, quantization }, facts) =>
    method === 'qlora' && quantization === 'base' && FLOATS.includes(facts?.quantization),
  ({ model }, facts) =>
    `qlora is lora over a quantized base, and model ${model} is ${facts?.quantization}: list a quantization such as q4_k_m, or use lora`,
);

/** A step is smaller than what lies between two quantized values. */
const floatBase = refuse(
  ['method', 'quantization'],
  ({ method, quantization }) =>
    ['full', 'freeze', 'pissa'].includes(String(method)) && isQuantized(quantization),
  ({ method }) =>
    `${method} changes the base's weights, and quantized ones cannot be moved in small steps: use f16, or train an adapter`,
);

/** Steps of training on a text, as LLaMA-Factory's stage sft with packed windows. */
export const finetune = {
  kind: 'finetune',
  summary: 'so many steps of training on a text: an adapter, the last layers, or all weights',
  options: trainingOptions,
  needs: 'trainer',
  lessMemory: 'Lower windowTokens or sequencesPerStep, or train fewer parameters.',
  objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
  gives: {
    model: EVERY_ROW,
    tokens: EVERY_ROW,
    training: EVERY_ROW,
    heldOut: lackingWhere('heldOutShare', 0),
  },
  keyMetrics: ['trainTokensPerSecond', 'evalLoss'],
  withinContext: (written, contextLength) =>
    written.has('windowTokens') || contextLength >= WINDOW_TOKENS ? {} : { windowTokens: contextLength },
  rules: [trainable, withinContext, quantizedBase, quantizedFile, floatBase],
  alsoKnownAs: aliases({
    method: ['finetuning_type', 'peft'],
    rank: ['r', 'lora_r', 'lora_rank'],
    alpha: ['lora_alpha'],
    targets: ['lora_target', 'target_modules'],
    trainedLayers: ['freeze_trainable_layers'],
    learningRate: ['lr', 'learning_rate'],
    learningRateRatio: ['loraplus_lr_ratio'],
    weightDecay: ['weight_decay'],
    schedule: ['lr_scheduler_type'],
    rampSteps: ['warmup_steps'],
    steps: ['max_steps'],
    sequencesPerStep: ['per_device_train_batch_size'],
    windowTokens: ['cutoff_len'],
    text: ['dataset'],
    heldOutShare: ['val_size'],
  }),
} satisfies WorkloadKind;
