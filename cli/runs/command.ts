import type { Command } from 'commander';
import { lazy } from '../options/lazy.js';
import { DEFAULT_OUT } from '../report/run-folder.js';

export interface RunsOptions {
  readonly json?: true;
}

export function registerRuns(program: Command): void {
  program
    .command('runs')
    .description('list the runs on this machine: name, folder, time, rows and file')
    .argument('[folder]', 'where the folders of runs are', DEFAULT_OUT)
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./runs.js')).printRuns));
}
