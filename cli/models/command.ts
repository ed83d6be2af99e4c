import type { Command } from 'commander';
import { ALLOW_HF_OPTION, CONFIG_OPTION, type NodeOptions } from '../options/config.js';
import { collect } from '../options/values.js';

export interface ModelsOptions extends NodeOptions {
  readonly models: readonly string[];
  readonly json?: true;
}

export function registerModels(program: Command): void {
  program
    .command('models')
    .description('list the models this machine has: shipped ones and those in model folders')
    .argument('[model]', 'show one model: its facts and tensors')
    .option('--models <dir>', 'folder to look in (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option('--json', 'print JSON')
    .action(async (file: string | undefined, options: ModelsOptions) => {
      const { listModels } = await import('./models.js');
      await listModels(file, options);
    });
}
