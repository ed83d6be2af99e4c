import { type Command, Option } from 'commander';
import { ALLOW_HF_OPTION, CONFIG_OPTION } from '../options/config.js';
import { lazy } from '../options/lazy.js';
import { collect, positiveInteger, wholeNumber } from '../options/values.js';
import type { AskedOptions } from '../quality/asked.js';

export interface CalibrateOptions extends AskedOptions {
  readonly text: string;
  readonly sequences: number;
  readonly tokens?: number;
  readonly windows?: 'random' | 'chunks';
  readonly seed: number;
  readonly output?: string;
  readonly format?: 'imatrix' | 'safetensors';
  readonly force?: true;
  readonly json?: true;
}

export function registerCalibrate(program: Command): void {
  program
    .command('calibrate')
    .description(
      'run calibration text through a model and collect activation statistics, for pruning and quantization:\n' +
        'one set per input channel, stored in the cache, written as safetensors or as an importance matrix',
    )
    .argument('<model>', 'GGUF file of any type, or builtin:NAME')
    .option('--text <file>', 'UTF-8 text', 'builtin:sample')
    .option('--sequences <count>', 'sequences of the text, at most', positiveInteger, 128)
    .option(
      '--tokens <count>',
      'tokens of a sequence, the trained context at most (default: 2048, chunks 512)',
      positiveInteger,
    )
    .addOption(
      new Option(
        '--windows <scheme>',
        'how the text is split: random (seeded, as pruning does) or chunks (from its start, as llama-imatrix does)',
      ).choices(['random', 'chunks']),
    )
    .option('--seed <number>', 'seed of the choice of random windows', wholeNumber, 0)
    .option('-o, --output <file>', 'file to write (default: only the cache)')
    .addOption(
      new Option(
        '--format <name>',
        'format of the output (default: safetensors, or imatrix if its name ends with .gguf); imatrix needs --windows chunks',
      ).choices(['imatrix', 'safetensors']),
    )
    .option('-f, --force', 'overwrite the output if it exists')
    .option('--threads <count>', 'threads to use (default: all CPUs)', positiveInteger)
    .option('--device <class>', 'where the model runs: cpu, cuda, vulkan or metal', 'cpu')
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./calibrate.js')).calibrateModel));
}
