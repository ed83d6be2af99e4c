import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export interface LogOptions {
  readonly json?: true;
  /** Configuration of the coordinator, which says where it keeps answers and raw samples. */
  readonly config?: string;
}

export type VerifyOptions = LogOptions & ConnectionOptions;
export type BackupOptions = Pick<LogOptions, 'json'> & ConnectionOptions;

export interface BodiesOptions extends LogOptions {
  readonly delete?: true;
}

const CONFIG = [
  '--config <file>',
  "the coordinator's configuration: its `bodies` is the store of answers and raw samples; without it, the folder `bodies` beside a SQLite file",
] as const;

const ADDRESS = 'a SQLite file, postgres://USER@HOST/DATABASE?schema=NAME, or nats://HOST?stream=NAME';

export function registerLog(program: Command): void {
  const log = program.command('log').description('check, copy and back up the log of a coordinator');
  const verify = log
    .command('verify')
    .description(
      'check every checksum of a log and the files that it refers to, and say where something is wrong; exit code 1 if anything is',
    )
    .argument(
      '[log]',
      `${ADDRESS}, or a backup; left out = the log of a running coordinator, which takes the scope "admin"`,
    )
    .option(...CONFIG)
    .option('--json', 'print JSON');
  addConnectionOptions(verify).action(lazy(async () => (await import('./verify.js')).verify));
  const backup = log
    .command('backup')
    .description(
      'write all that the log of a running coordinator holds to a file, from which `ridge restore` makes a log of any kind; takes the scope "admin"',
    )
    .argument('<file>', 'file to write; it must not be there yet')
    .option('--json', 'print the manifest as JSON');
  addConnectionOptions(backup).action(lazy(async () => (await import('./backup.js')).backup));
  log
    .command('bodies')
    .description(
      'list the files of answers and raw samples that no log refers to any more and that nobody touched for an hour; name every log that shares the store',
    )
    .argument('<logs...>', ADDRESS)
    .option(...CONFIG)
    .option('--delete', 'remove them')
    .option('--json', 'print JSON')
    .action(async (addresses: string[], options: BodiesOptions) => {
      const { bodies } = await import('./log.js');
      await bodies(addresses, options);
    });
  log
    .command('copy')
    .description(
      'copy a log to another one, of any kind, and compare both at the end; an interrupted copy continues. A coordinator can start from a copy in a file',
    )
    .argument('<from>', ADDRESS)
    .argument('<to>', 'the same; made when it is not there')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./log.js')).copy));
}
