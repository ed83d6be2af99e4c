import { type Command, InvalidArgumentError } from 'commander';
import { ALLOW_HF_OPTION, CONFIG_OPTION, type NodeOptions } from '../options/config.js';
import { lazy } from '../options/lazy.js';
import { collect } from '../options/values.js';

/** What `ridge init` can let vary; each is explained where it is asked for. */
export const VARIABLE = ['quantization', 'attention', 'batch', 'threads'] as const;
export type Variable = (typeof VARIABLE)[number];

export interface InitOptions extends NodeOptions {
  readonly model?: string;
  readonly vary?: readonly Variable[];
  readonly quality?: boolean;
  readonly out: string;
  readonly force?: true;
  readonly models: readonly string[];
}

export function registerInit(program: Command): void {
  program
    .command('init')
    .description(
      'write a sweep file: asks for the model, what shall vary, and whether quality matters.\n' +
        'Each answer is an option, too; without a terminal --model and --vary have to be given.',
    )
    .option('-m, --model <source>', 'model file, or builtin:small, synthetic:NAME, hf:…')
    .option('--vary <names>', `what shall vary: ${VARIABLE.join(', ')} (comma-separated), or none`, variables)
    .option('--quality', 'measure the perplexity of each variant, too')
    .option('--no-quality', 'measure speed, memory and energy alone')
    .option('-o, --out <file>', 'the file to write', 'sweep.yaml')
    .option('--force', 'replace the file if it is there')
    .option('--models <dir>', 'also offer the models of this folder (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .action(lazy(async () => (await import('./init.js')).init));
}

/** @throws InvalidArgumentError for a word that is none of them. */
export function variables(text: string): readonly Variable[] {
  const words = text.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
  if (words.length === 1 && words[0] === 'none') return [];
  const wrong = words.find((word) => !VARIABLE.some((name) => name === word));
  if (wrong !== undefined || words.length === 0)
    throw new InvalidArgumentError(`Known are ${VARIABLE.join(', ')}, and none.`);
  return VARIABLE.filter((name) => words.includes(name));
}
