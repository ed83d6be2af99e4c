import type { Command } from 'commander';
import type { LogFormat } from '../../core/log-text.js';
import {
  DEFAULT_COORDINATOR,
  DEFAULT_COORDINATOR_METRICS,
  DEFAULT_COORDINATOR_WEB,
} from '../../proto/ports.js';
import { lazy } from '../options/lazy.js';
import { logFormatOption } from '../options/log.js';

export interface CoordinatorOptions {
  readonly config?: string;
  readonly listen?: string;
  readonly metrics?: string;
  readonly web?: string;
  readonly webWrites?: true;
  readonly data?: string;
  readonly audit?: string;
  readonly logFormat?: LogFormat;
}

export function registerCoordinator(program: Command): void {
  program
    .command('coordinator')
    .description('start a coordinator: accepts sweeps, leases experiments to agents, stores results')
    .option('--config <file>', 'configuration file (YAML); flags override it')
    .option(
      '--listen <address>',
      `gRPC address (default: ${DEFAULT_COORDINATOR}; other than loopback needs TLS)`,
    )
    .option(
      '--metrics <address>',
      `HTTP address of /metrics, /healthz, /readyz, or off (default: ${DEFAULT_COORDINATOR_METRICS})`,
    )
    .option(
      '--web <address>',
      `HTTP address of the live web view and its JSON API, or off (default: ${DEFAULT_COORDINATOR_WEB}; other than loopback needs TLS)`,
    )
    .option(
      '--web-writes',
      'let callers with the scope submit also submit, pause and cancel sweeps in the web view',
    )
    .option('--data <dir>', 'folder of the log (default: the user’s state folder)')
    .option('--audit <file>', 'log to this file who did what and who was refused, as JSON lines')
    .addOption(logFormatOption())
    .action(lazy(async () => (await import('./coordinator.js')).serveCoordinator));
}
