import type { Command } from 'commander';
import { lazy } from '../options/lazy.js';

export interface RestoreOptions {
  readonly into: string;
  readonly json?: true;
}

export function registerRestore(program: Command): void {
  program
    .command('restore')
    .description('make a log of any kind from a backup that `ridge log backup` wrote')
    .argument('<file>', 'the backup')
    .requiredOption(
      '--into <place>',
      'an empty place: a SQLite file that is not there, postgres://USER@HOST/DATABASE?schema=NAME, or nats://HOST?stream=NAME',
    )
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./restore.js')).restore));
}
