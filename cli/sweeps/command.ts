import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';

export interface ListOptions extends ConnectionOptions {
  readonly json?: true;
}

export function registerSweeps(program: Command): void {
  const command = program
    .command('sweeps')
    .description('list the sweeps of a coordinator')
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(async (options: ListOptions) => {
    const { listSweeps } = await import('./sweeps.js');
    await listSweeps(options);
  });
}
