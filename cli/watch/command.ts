import type { Command } from 'commander';
import { addConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export function registerWatch(program: Command): void {
  const command = program
    .command('watch')
    .description(
      'show the progress of a sweep until it is finished; ends with exit code 1 when rows failed, 4 when rows are invalid',
    )
    .argument('[sweep]', 'sweep id or name (default: the newest)');
  addConnectionOptions(command).action(lazy(async () => (await import('./watch.js')).watch));
}
