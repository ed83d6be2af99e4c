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
    .option('--follow', 'stay and print each new result as a JSON line')
    .option(
      '--all-trials',
      'every trial as JSON lines: also drift controls and attempts that were tried again',
    );
  addDisplayOptions(addConnectionOptions(command)).action(
    async (sweep: string | undefined, options: ResultsOptions) => {
      const { printResults } = await import('./results.js');
      await printResults(sweep, options);
    },
  );
}
