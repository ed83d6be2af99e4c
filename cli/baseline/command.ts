import type { Command } from 'commander';
import { NO_PIN } from '../bundle/command.js';
import { addConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export function registerBaseline(program: Command): void {
  const baseline = program
    .command('baseline')
    .description(
      'keep results under a name on this machine, for `ridge compare --baseline NAME` and `ridge drift baseline:NAME`',
    );
  const save = baseline
    .command('save')
    .description('keep results by a name')
    .argument('<name>', 'letters, digits, dots and dashes')
    .argument('<sources...>', 'as `ridge bundle` takes them')
    .option('-f, --force', 'replace the baseline that has this name')
    .option('--no-pin', NO_PIN);
  addConnectionOptions(save).action(lazy(async () => (await import('./baseline.js')).saveBaseline));
  baseline
    .command('list')
    .description('which there are')
    .action(lazy(async () => (await import('./baseline.js')).printBaselines));
  baseline
    .command('remove')
    .description('forget one')
    .argument('<name>', 'a name that `ridge baseline list` shows')
    .action(lazy(async () => (await import('./store.js')).removeBaseline));
}
