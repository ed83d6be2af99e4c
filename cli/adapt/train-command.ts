import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AxisValue } from '../../core/experiment/experiment.js';
import type { OptionsSchema } from '../../core/experiment/options.js';
import {
  SCHEDULES,
  TRAINING_METHODS,
  TRAINING_TARGETS,
  type TrainingMethod,
} from '../../core/training/methods.js';
import { finetune } from '../../core/workloads/finetune.js';
import { lazy } from '../options/lazy.js';
import { positiveInteger, wholeNumber } from '../options/values.js';
import { type AdaptOptions, withAdaptOptions } from './options.js';

export interface TrainOptions extends AdaptOptions {
  readonly method: TrainingMethod;
  readonly text: string;
  readonly force?: true;
  /** The others by the names that the workload finetune gives them. */
  readonly [option: string]: unknown;
}

/** Options of the workload that the command has, with their form: `--learning-rate`. */
const OPTIONS: readonly (readonly [string, string, (text: string) => AxisValue])[] = [
  ['rank', '<r>', positiveInteger],
  ['alpha', '<number>', positive],
  ['steps', '<count>', positiveInteger],
  ['sequencesPerStep', '<count>', positiveInteger],
  ['windowTokens', '<tokens>', positiveInteger],
  ['learningRate', '<number>', positive],
  ['learningRateRatio', '<number>', positive],
  ['weightDecay', '<number>', positive],
  ['rampSteps', '<count>', wholeNumber],
  ['trainedLayers', '<count>', positiveInteger],
  ['heldOutShare', '<share>', positive],
  ['seed', '<number>', wholeNumber],
];

/** @returns the names of the workload's options that the command line can set. */
export const TRAIN_OPTIONS: readonly string[] = [
  'method',
  'targets',
  'schedule',
  'text',
  ...OPTIONS.map(([name]) => name),
];

export function registerTrain(adapt: Command): void {
  const fields: OptionsSchema['shape'] = finetune.options.shape;
  const help = (name: string) => fields[name]?.description ?? '';
  const usual = (name: string) => fields[name]?.parse(undefined);
  const command = adapt
    .command('train')
    .description('fine-tune a model on a text for some steps, as the workload finetune of a sweep does')
    .argument('<model>', 'GGUF file or builtin:NAME; a quantized one makes lora a QLoRA')
    .argument('<output>', 'GGUF file to write; the same adapter as a PEFT folder comes beside it')
    .addOption(choice('--method <name>', help('method'), TRAINING_METHODS, usual('method')))
    .addOption(choice('--targets <name>', help('targets'), Object.keys(TRAINING_TARGETS), usual('targets')))
    .addOption(choice('--schedule <name>', help('schedule'), SCHEDULES, usual('schedule')))
    .option('--text <file>', help('text'), String(usual('text')));
  for (const [name, form, read] of OPTIONS) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    command.addOption(new Option(`--${flag} ${form}`, help(name)).argParser(read).default(usual(name)));
  }
  withAdaptOptions(command)
    .option('-f, --force', 'overwrite the output if it exists')
    .action(lazy(async () => (await import('./train.js')).trainModel));
}

function choice(flags: string, help: string, choices: readonly string[], usual: unknown): Option {
  return new Option(flags, help).choices([...choices]).default(usual);
}

/** @throws InvalidArgumentError unless the text is a number from 0 on. */
function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('It must be a number from 0 on.');
  return value;
}
