import type { Command } from 'commander';
import { CONFIG_OPTION } from '../options/config.js';
import { collect, positiveInteger } from '../options/values.js';

export interface PlanOptions {
  readonly config?: string;
  readonly limit: number;
  readonly models: readonly string[];
  readonly json?: true;
}

export function registerPlan(program: Command): void {
  program
    .command('plan')
    .description(
      'dry run: number of experiments, what is excluded and why, files to create, predicted memory, the first rows',
    )
    .argument('<file>', 'sweep file (YAML)')
    .option('-n, --limit <count>', 'rows to show', positiveInteger, 10)
    .option('--models <dir>', 'also allow `source:` paths in this folder (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option('--json', 'print JSON')
    .action(async (file: string, options: PlanOptions) => {
      const { printPlan } = await import('./plan.js');
      await printPlan(file, options);
    });
}
