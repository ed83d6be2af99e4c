import type { Command } from 'commander';
import { addConnectionOptions } from './connection-options.js';
import type { ListOptions } from './sweeps.js';

export function registerNodes(program: Command): void {
  const command = program
    .command('nodes')
    .description('list the nodes of a coordinator, their devices and what runs there')
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(async (options: ListOptions) => {
    const { listNodes } = await import('../remote/nodes.js');
    await listNodes(options);
  });
}
