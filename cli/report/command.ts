import type { Command } from 'commander';
import { mappingsHelp } from '../../report/mappings/index.js';
import {
  addDisplayOptions,
  type DisplayOptions,
  FILE_FORMATS,
  type FileFormat,
  FORMATS,
} from '../options/display.js';
import { lazy } from '../options/lazy.js';

export interface ReportOptions extends Omit<DisplayOptions, 'format'> {
  readonly format: DisplayOptions['format'] | FileFormat;
  readonly output?: string;
  readonly recompute?: true;
  readonly strict?: true;
}

export function registerReport(program: Command): void {
  const command = program
    .command('report')
    .description('render stored results as a table, an HTML page or an export for other tools')
    .argument(
      '[source]',
      'folder of `ridge run`, a results.jsonl, a bundle, or what llama-bench wrote as JSON, JSON lines or SQL (default: the newest folder in ridge-out)',
    )
    .option(
      '-o, --output <path>',
      'write to this file instead of stdout; parquet needs a file, mlflow (mlruns) and mlperf-endpoints a folder',
    )
    .option('--recompute', 'recompute every metric from the raw samples in the records')
    .option('--strict', 'treat disturbed rows as invalid, as for publication')
    .addHelpText('after', mappingsHelp);
  addDisplayOptions(command, [...FORMATS, ...FILE_FORMATS]).action(
    lazy(async () => (await import('./report.js')).printReport),
  );
}
