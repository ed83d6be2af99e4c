import type { Command } from 'commander';
import { addConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

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
  addConnectionOptions(save).action(lazy(async () => (await import('./baseline.js')).saveBaseline));
  baseline
    .command('list')
    .description('which there are')
    .action(lazy(async () => (await import('./baseline.js')).printBaselines));
  baseline
    .command('remove')
    .description('forget one')
    .argument('<name>', 'as `ridge baseline list` says it')
    .action(lazy(async () => (await import('./store.js')).removeBaseline));
}
