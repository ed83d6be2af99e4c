import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export interface ResumeOptions extends ConnectionOptions {
  readonly reason: string;
}

export function registerResume(program: Command): void {
  const command = program
    .command('resume')
    .description('go on with a sweep that was paused')
    .argument('<sweep>', 'sweep id or name')
    .option('--reason <text>', 'reason to record in the log', 'resumed by the user');
  addConnectionOptions(command).action(lazy(async () => (await import('./resume.js')).resume));
}
