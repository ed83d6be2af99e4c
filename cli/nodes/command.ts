import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export interface DrainOptions extends ConnectionOptions {
  readonly reason: string;
}

export function registerNodes(program: Command): void {
  const command = program
    .command('nodes')
    .description('list the nodes of a coordinator, their devices and what runs there')
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(lazy(async () => (await import('./nodes.js')).listNodes));
  for (const [action, does] of [
    ['cordon', 'gives a node no more work; its agent stays, and what runs there is finished'],
    ['uncordon', 'gives a node work again'],
  ] as const) {
    const cordon = command
      .command(action)
      .description(`${action} a node: ${does}`)
      .argument('<node>', 'name of the node')
      .option('--reason <text>', 'shown by `ridge nodes`', '');
    addConnectionOptions(cordon).action(async (node: string, _options: DrainOptions, self: Command) => {
      const { cordonNode } = await import('./nodes.js');
      await cordonNode(node, action === 'uncordon', self.optsWithGlobals<DrainOptions>());
    });
  }
  const drain = command
    .command('drain')
    .description(
      'drain a node: its agent takes no more work, finishes and reports what is running, and exits',
    )
    .argument('<node>', 'name of the node')
    .option('--reason <text>', 'shown by the agent', '');
  addConnectionOptions(drain).action(async (node: string, _options: DrainOptions, self: Command) => {
    const { drainNode } = await import('./nodes.js');
    // `nodes` has the same options and takes them, wherever they stand.
    await drainNode(node, self.optsWithGlobals<DrainOptions>());
  });
}
