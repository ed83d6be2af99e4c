import type { Command } from 'commander';
import { lazy } from '../options/lazy.js';

export interface LogOptions {
  readonly json?: true;
}

const ADDRESS = 'a SQLite file, postgres://USER@HOST/DATABASE?schema=NAME, or nats://HOST?stream=NAME';

export function registerLog(program: Command): void {
  const log = program.command('log').description('check and copy the log of a coordinator');
  log
    .command('verify')
    .description(
      'check every checksum of a log, and say of each place what is wrong; exit code 1 where something is',
    )
    .argument('<log>', ADDRESS)
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./log.js')).verify));
  log
    .command('copy')
    .description(
      'copy a log to another one, of any kind, and compare both at the end; a copy that was broken off goes on. A copy to a file is a snapshot that a coordinator can start from',
    )
    .argument('<from>', ADDRESS)
    .argument('<to>', 'the same; made when it is not there')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./log.js')).copy));
}
