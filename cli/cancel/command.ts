import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export interface CancelOptions extends ConnectionOptions {
  readonly reason: string;
}

export function registerCancel(program: Command): void {
  const command = program
    .command('cancel')
    .description('stop a sweep; results so far are kept')
    .argument('<sweep>', 'sweep id or name')
    .option('--reason <text>', 'reason to record in the log', 'cancelled by the user');
  addConnectionOptions(command).action(lazy(async () => (await import('./cancel.js')).cancel));
}
