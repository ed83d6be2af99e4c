import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';

export interface ListOptions extends ConnectionOptions {
  readonly json?: true;
}

export interface DeleteOptions extends ConnectionOptions {
  readonly reason: string;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

export interface PinOptions extends ConnectionOptions {
  readonly reason: string;
}

export function registerSweeps(program: Command): void {
  const command = program
    .command('sweeps')
    .description(
      'list the sweeps of a coordinator, print the file of one as it was submitted, delete some, or pin those that stay',
    )
    .argument('[sweep]', 'sweep id or name')
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(async (sweep: string | undefined, options: ListOptions) => {
    const { listSweeps, printSweep } = await import('./sweeps.js');
    if (sweep === undefined) await listSweeps(options);
    else await printSweep(sweep, options);
  });
  const remove = command
    .command('delete')
    .description(
      'delete sweeps that are over, with their results: nothing shows them any more, and submitted again they are measured anew',
    )
    .argument('<sweep...>', 'sweep ids, or names that only one sweep has')
    .option('--dry-run', 'only say what would become of each')
    .option('--yes', 'do not ask')
    .option('--reason <text>', 'reason to record in the log', 'deleted by the user')
    .option('--json', 'print JSON');
  addConnectionOptions(remove).action(async (named: string[], _options: DeleteOptions, self: Command) => {
    const { deleteSweeps } = await import('./delete.js');
    // `sweeps` has the same options and takes them, wherever they stand.
    process.exitCode = await deleteSweeps(named, self.optsWithGlobals<DeleteOptions>());
  });
  for (const [action, does] of [
    ['pin', 'they are not deleted until they are unpinned'],
    ['unpin', 'they may be deleted again'],
  ] as const) {
    const pin = command
      .command(action)
      .description(`${action} sweeps: ${does}`)
      .argument('<sweep...>', 'sweep ids, or names that only one sweep has')
      .option('--reason <text>', 'shown by `ridge sweeps`', '');
    addConnectionOptions(pin).action(async (named: string[], _options: PinOptions, self: Command) => {
      const { pinSweeps } = await import('./pin.js');
      await pinSweeps(named, action === 'unpin', self.optsWithGlobals<PinOptions>());
    });
  }
}
