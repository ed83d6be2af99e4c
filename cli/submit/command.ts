import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { SWEEP_ARGUMENT } from '../options/values.js';

export interface SubmitOptions extends ConnectionOptions {
  readonly watch?: true;
  readonly retryFailed?: true;
  readonly json?: true;
}

export function registerSubmit(program: Command): void {
  const command = program
    .command('submit')
    .description('submit a sweep to a coordinator; submitting the same file again changes nothing')
    .argument('<file>', SWEEP_ARGUMENT)
    .option('-w, --watch', 'show progress until the sweep is finished')
    .option('--retry-failed', 'retry the points that an earlier submission of this sweep gave up')
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(async (file: string, options: SubmitOptions) => {
    const { submit } = await import('./submit.js');
    process.exitCode = await submit(file, options);
  });
}
