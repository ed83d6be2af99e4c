import type { Command } from 'commander';
import { addPromptConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export interface SupportBundleOptions extends ConnectionOptions {
  readonly config?: readonly string[];
  readonly metrics?: string;
  readonly prometheus?: string;
  readonly force?: true;
}

export function registerSupportBundle(program: Command): void {
  const command = program
    .command('support-bundle')
    .description(
      'gather in one file, without secrets, what a ticket about a fault of the service needs: versions, `ridge doctor --fleet`, nodes, counts of sweeps, metrics, settings and the end of the audit log. ' +
        'What cannot be gathered is a line with the reason',
    )
    .argument('<file>', 'file to write (tar.gz)')
    .option('--config <files...>', 'coordinator.yaml, agent.yaml or operator.yaml of this machine')
    .option(
      '--metrics <url>',
      "the coordinator's /metrics (default: port 9464 of the first host of --coordinator)",
    )
    .option('--prometheus <url>', 'address of Prometheus, which is asked for the state of its alerts')
    .option('-f, --force', 'overwrite the file if it exists');
  addPromptConnectionOptions(command).action(lazy(async () => (await import('./make.js')).makeSupportBundle));
}
