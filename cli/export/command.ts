import type { Command } from 'commander';
import { collect, positiveNumber } from '../options/values.js';

export interface ExportOptions {
  readonly output?: string;
  readonly hold?: number;
  readonly label: readonly string[];
}

export function registerExport(program: Command): void {
  const command = program
    .command('export')
    .description('write stored results for a system that keeps figures over time');
  command
    .command('openmetrics')
    .description(
      'history for Prometheus: every figure at the time it was measured, and power and energy during the trials.\n' +
        'promtool tsdb create-blocks-from openmetrics FILE DIR makes blocks of it.',
    )
    .argument(
      '[source]',
      'folder of `ridge run`, or a results.jsonl file (default: the newest folder in ridge-out)',
    )
    .option('-o, --output <file>', 'write there instead of stdout')
    .option(
      '--hold <minutes>',
      'repeat each result every minute for so long, as scrapes would have seen it (default: it stands once)',
      positiveNumber,
    )
    .option(
      '--label <name=value>',
      'add a label to every series, e.g. job=coordinator (repeatable)',
      collect,
      [],
    )
    .action(async (source: string | undefined, options: ExportOptions) => {
      const { exportOpenMetrics } = await import('./openmetrics.js');
      exportOpenMetrics(source, options);
    });
}
