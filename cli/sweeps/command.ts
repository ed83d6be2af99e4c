import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';

export interface ListOptions extends ConnectionOptions {
  readonly json?: true;
}

export function registerSweeps(program: Command): void {
  const command = program
    .command('sweeps')
    .description('list the sweeps of a coordinator, or print the file of one as it was submitted')
    .argument('[sweep]', 'sweep id or name')
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(async (sweep: string | undefined, options: ListOptions) => {
    const { listSweeps, printSweep } = await import('./sweeps.js');
    if (sweep === undefined) await listSweeps(options);
    else await printSweep(sweep, options);
  });
}
