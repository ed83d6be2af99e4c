import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { addDisplayOptions, type DisplayOptions } from '../options/display.js';

export interface ResultsOptions extends ConnectionOptions, DisplayOptions {
  readonly follow?: true;
  readonly allTrials?: true;
}

export function registerResults(program: Command): void {
  const command = program
    .command('results')
    .description('print the results a coordinator holds')
    .argument('[sweep]', 'sweep id or name (default: the newest)')
    .option('--follow', 'keep running and print each new result as a JSON line')
    .option('--all-trials', 'every trial as JSON lines, including drift controls and retried attempts');
  addDisplayOptions(addConnectionOptions(command)).action(
    async (sweep: string | undefined, options: ResultsOptions) => {
      const { printResults } = await import('./results.js');
      await printResults(sweep, options);
    },
  );
}
