import type { Command } from 'commander';
import { ALLOW_HF_OPTION, CONFIG_OPTION } from '../options/config.js';
import { lazy } from '../options/lazy.js';
import { collect, positiveInteger } from '../options/values.js';
import type { AskedOptions } from '../quality/asked.js';

export interface ExitsOptions extends AskedOptions {
  readonly layers?: string;
  readonly thresholds: string;
  readonly text?: string;
  readonly context: number;
  readonly maxWindows: number;
  readonly json?: true;
}

export function registerExits(program: Command): void {
  program
    .command('exits')
    .description(
      'early exit after some layers of a model: what it answers there, at a fixed depth and where it is sure enough;\n' +
        'agreement with the whole model, perplexity, layers and time',
    )
    .argument('<model>', 'GGUF file, or builtin:NAME')
    .option('--layers <list>', 'layers before each exit, such as 2,4,6 (default: the quarters of the model)')
    .option(
      '--thresholds <list>',
      'least gap between the probabilities of the two likeliest tokens to exit at',
      '0.1,0.3,0.5,0.7,0.9',
    )
    .option('--text <file>', 'UTF-8 text (default: the one that ships with Ridgepoint)')
    .option('--context <tokens>', 'tokens of a window; its second half is scored', positiveInteger, 256)
    .option('--max-windows <count>', 'windows, at most', positiveInteger, 16)
    .option('--device <class>', 'cpu, cuda, vulkan or metal', 'cpu')
    .option('--threads <count>', 'CPU threads (default: all)', positiveInteger)
    .option('--models <dir>', 'folder to look for models in (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./exits.js')).runExits));
}
