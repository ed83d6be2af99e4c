import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { addDisplayOptions, type DisplayOptions } from '../options/display.js';
import { lazy } from '../options/lazy.js';

export interface ResultsOptions extends ConnectionOptions, DisplayOptions {
  readonly follow?: true;
  readonly allTrials?: true;
  readonly bodies?: string;
}

export function registerResults(program: Command): void {
  const command = program
    .command('results')
    .description('print the results of a coordinator')
    .argument('[sweep]', 'sweep id or name (default: the newest)')
    .option('--follow', 'keep running and print each new result as a JSON line')
    .option('--all-trials', 'every trial as JSON lines, including drift controls and retried attempts');
  command.option(
    '--bodies <folder>',
    'save the results to this folder instead, with the answers and calls that they refer to, for `ridge answers` and `ridge graph`',
  );
  addDisplayOptions(addConnectionOptions(command)).action(
    lazy(async () => (await import('./results.js')).printResults),
  );
}
