import { type Command, Option } from 'commander';
import { lazy } from '../options/lazy.js';
import { positiveInteger } from '../options/values.js';
import { type AdaptOptions, withAdaptOptions } from './options.js';
import { registerTrain } from './train-command.js';

export interface MergeOptions extends AdaptOptions {
  readonly force?: true;
}

export interface ConvertOptions extends AdaptOptions {
  readonly model: string;
  readonly type: 'f32' | 'f16' | 'bf16';
  readonly force?: true;
}

export interface InspectOptions extends AdaptOptions {
  readonly model?: string;
}

export interface CompareOptions extends AdaptOptions {
  readonly text?: string;
  readonly context: number;
  readonly maxWindows?: number;
}

/**
 * Every subcommand, in the order of `ridge adapt --help`. A new one is a function here or in a file of its
 * own.
 */
const SUBCOMMANDS: readonly ((adapt: Command) => void)[] = [
  registerMerge,
  registerConvert,
  registerInspect,
  registerCompare,
  registerTrain,
];

export function registerAdapt(program: Command): void {
  const adapt = program
    .command('adapt')
    .description(
      'low-rank adapters (LoRA, rsLoRA, DoRA, PiSSA, OLoRA, VeRA): merge, convert, inspect, compare, train',
    );
  for (const register of SUBCOMMANDS) register(adapt);
}

function registerMerge(adapt: Command): void {
  const command = adapt
    .command('merge')
    .description(
      'write a copy of a model with adapters merged into its weights, as a sweep with mode=merged does',
    )
    .argument('<model>', 'GGUF file of type f16, bf16 or f32, or builtin:NAME')
    .argument(
      '<adapters...>',
      'GGUF files, PEFT folders or builtin:NAME, each with its scale after *, and last the GGUF file to write',
    )
    .option('-f, --force', 'overwrite the output if it exists');
  withAdaptOptions(command).action(async (model: string, args: readonly string[], options: MergeOptions) => {
    const { mergeIntoModel } = await import('./merge.js');
    await mergeIntoModel(model, args.slice(0, -1), args.at(-1)!, options);
  });
}

function registerConvert(adapt: Command): void {
  const command = adapt
    .command('convert')
    .description('write a PEFT folder as a GGUF adapter, or a GGUF adapter as a PEFT folder')
    .argument('<adapter>', 'PEFT folder, GGUF file or builtin:NAME')
    .argument('<output>', 'GGUF file (its name ends with .gguf), or a folder')
    .requiredOption('--model <model>', 'the base model: its head counts determine the order of rows')
    .addOption(
      new Option('--type <name>', 'type of the numbers in a GGUF file')
        .choices(['f32', 'f16', 'bf16'])
        .default('f32'),
    )
    .option('-f, --force', 'overwrite the output if it exists');
  withAdaptOptions(command).action(lazy(async () => (await import('./convert.js')).convertOne));
}

function registerInspect(adapt: Command): void {
  const command = adapt
    .command('inspect')
    .description('show what an adapter is: kind, ranks, scales, matrices, and whether it fits a model')
    .argument('<adapter>', 'GGUF file, PEFT folder, builtin:NAME or synthetic:lora?…')
    .option('--model <model>', 'the model it is for (PEFT folders and synthetic adapters need it)');
  withAdaptOptions(command).action(lazy(async () => (await import('./inspect.js')).inspectAdapter));
}

function registerCompare(adapt: Command): void {
  const command = adapt
    .command('compare')
    .description('compare the logits of a model with an adapter merged and with it attached')
    .argument('<model>', 'GGUF file of type f16, bf16 or f32, or builtin:NAME')
    .argument('<adapter>', 'GGUF file, PEFT folder or builtin:NAME, with its scale after *')
    .option('--text <file>', 'UTF-8 text (default: the text that ships with Ridgepoint)')
    .option('--context <tokens>', 'tokens of a window', positiveInteger, 512)
    .option(
      '--max-windows <count>',
      'windows to compare, at most (default: the whole text)',
      positiveInteger,
    );
  withAdaptOptions(command).action(lazy(async () => (await import('./compare.js')).compareAdapter));
}
