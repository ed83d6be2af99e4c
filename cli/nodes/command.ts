import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import type { ListOptions } from '../sweeps/command.js';

export interface DrainOptions extends ConnectionOptions {
  readonly reason: string;
}

export function registerNodes(program: Command): void {
  const command = program
    .command('nodes')
    .description('list the nodes of a coordinator, their devices and what runs there')
    // Options after `drain` are its own.
    .enablePositionalOptions()
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(async (options: ListOptions) => {
    const { listNodes } = await import('./nodes.js');
    await listNodes(options);
  });
  const drain = command
    .command('drain')
    .description('let a node go: its agent takes no more work, finishes and reports what runs, and ends')
    .argument('<node>', 'name of the node')
    .option('--reason <text>', 'shown by the agent', '');
  addConnectionOptions(drain).action(async (node: string, options: DrainOptions) => {
    const { drainNode } = await import('./nodes.js');
    await drainNode(node, options);
  });
}
