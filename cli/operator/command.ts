import type { Command } from 'commander';
import type { LogFormat } from '../../core/log-text.js';
import { lazy } from '../options/lazy.js';
import { logFormatOption } from '../options/log.js';
import { collect } from '../options/values.js';

export interface OperatorOptions {
  readonly config?: string;
  readonly kubeconfig?: string;
  readonly coordinator?: string;
  readonly credentials?: string;
  readonly namespace: readonly string[];
  readonly health?: string;
  readonly logFormat?: LogFormat;
}

export function registerOperator(program: Command): void {
  program
    .command('operator')
    .description(
      'start an operator for Kubernetes: submits the Sweeps of a cluster, and runs their agents as Jobs',
    )
    .option('--config <file>', 'configuration file (YAML); flags override it')
    .option(
      '--kubeconfig <file>',
      'how to reach the API server (default: as kubectl, and in a pod by its account)',
    )
    .option('-c, --coordinator <address>', 'host:port of the coordinator that sweeps are submitted to')
    .option(
      '--credentials <folder>',
      'folder with ca.crt, and tls.crt with tls.key, or token, for that coordinator',
    )
    .option(
      '--namespace <name>',
      'look after the Sweeps of this namespace (repeatable; default: all)',
      collect,
      [],
    )
    .option('--health <address>', 'HTTP address of /healthz and /readyz (default: not served)')
    .addOption(logFormatOption())
    .action(lazy(async () => (await import('./operator.js')).serveOperator));
}
