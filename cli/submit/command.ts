import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';
import { namespaceOption } from '../options/rights.js';
import { priority, STRICT_OPTION, SWEEP_ARGUMENT } from '../options/values.js';

export interface SubmitOptions extends ConnectionOptions {
  readonly watch?: true;
  readonly retryFailed?: true;
  readonly quick?: true;
  readonly strict?: true;
  readonly json?: true;
  readonly namespace?: string;
  readonly priority?: number;
}

export function registerSubmit(program: Command): void {
  const command = program
    .command('submit')
    .description('submit a sweep to a coordinator; submitting the same file again changes nothing')
    .argument('<file>', SWEEP_ARGUMENT)
    .option(
      '-w, --watch',
      'show progress until the sweep is finished; ends with exit code 1 when rows failed, 4 when rows are invalid',
    )
    .option(
      '--retry-failed',
      'try the points again that failed or came out invalid in an earlier submission of this sweep',
    )
    .option('--quick', 'three short starts of each experiment in the time of one, whatever the file says')
    .option(...STRICT_OPTION)
    .addOption(namespaceOption())
    .option(
      '--priority <number>',
      'priority within its namespace: the highest goes first (default: 0)',
      priority,
    )
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(lazy(async () => (await import('./submit.js')).submit));
}
