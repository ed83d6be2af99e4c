import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export interface PauseOptions extends ConnectionOptions {
  readonly reason: string;
}

export function registerPause(program: Command): void {
  const command = program
    .command('pause')
    .description('begin nothing more of a sweep until it is resumed; trials that run are finished')
    .argument('<sweep>', 'sweep id or name')
    .option('--reason <text>', 'reason to record in the log and to show', 'paused by the user');
  addConnectionOptions(command).action(lazy(async () => (await import('./pause.js')).pause));
}
