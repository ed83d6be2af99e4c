import type { Command } from 'commander';
import { lazy } from '../options/lazy.js';
import { collect, positiveNumber } from '../options/values.js';

export interface ExportOptions {
  readonly output?: string;
  readonly hold?: number;
  readonly label: readonly string[];
}

export function registerExport(program: Command): void {
  const command = program.command('export').description('export stored results to a time-series database');
  command
    .command('openmetrics')
    .description(
      'backfill for Prometheus: every metric at the time it was measured, and power and energy during the trials.\n' +
        'promtool tsdb create-blocks-from openmetrics FILE DIR creates blocks from it.',
    )
    .argument(
      '[source]',
      'folder of `ridge run`, or a results.jsonl file (default: the newest folder in ridge-out)',
    )
    .option('-o, --output <file>', 'write to this file instead of stdout')
    .option(
      '--hold <minutes>',
      'repeat each result every minute for this long, as scrapes would have seen it (default: one sample)',
      positiveNumber,
    )
    .option(
      '--label <name=value>',
      'add a label to every series, e.g. job=coordinator (repeatable)',
      collect,
      [],
    )
    .action(lazy(async () => (await import('./openmetrics.js')).exportOpenMetrics));
}
