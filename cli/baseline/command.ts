import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';

export function registerBaseline(program: Command): void {
  const baseline = program
    .command('baseline')
    .description(
      'results kept by name on this machine, for `ridge compare --baseline NAME` and `ridge drift baseline:NAME`',
    );
  const save = baseline
    .command('save')
    .description('keep results by a name')
    .argument('<name>', 'letters, digits, dots and dashes')
    .argument('<sources...>', 'as `ridge bundle` takes them')
    .option('-f, --force', 'in place of the one that has the name');
  addConnectionOptions(save).action(
    async (
      name: string,
      sources: readonly string[],
      options: ConnectionOptions & { readonly force?: true },
    ) => {
      const { saveBaseline } = await import('./baseline.js');
      await saveBaseline(name, sources, options);
    },
  );
  baseline
    .command('list')
    .description('which there are')
    .action(async () => {
      const { printBaselines } = await import('./baseline.js');
      printBaselines();
    });
  baseline
    .command('remove')
    .description('forget one')
    .argument('<name>', 'as `ridge baseline list` says it')
    .action(async (name: string) => {
      const { removeBaseline } = await import('./store.js');
      removeBaseline(name);
    });
}
