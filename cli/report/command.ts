import type { Command } from 'commander';
import { vocabulariesHelp } from '../../report/words/index.js';
import { addDisplayOptions, type DisplayOptions } from '../options/display.js';

export interface ReportOptions extends DisplayOptions {
  readonly output?: string;
  readonly recompute?: true;
}

export function registerReport(program: Command): void {
  const command = program
    .command('report')
    .description('turn stored results into a table, a page or a file for other tools')
    .argument(
      '[source]',
      'folder of `ridge run`, or a results.jsonl file (default: the newest folder in ridge-out)',
    )
    .option('-o, --output <file>', 'write there instead of stdout')
    .option('--recompute', 'derive every figure again from the raw samples in the records')
    .addHelpText('after', vocabulariesHelp);
  addDisplayOptions(command).action(async (source: string | undefined, options: ReportOptions) => {
    const { printReport } = await import('./report.js');
    await printReport(source, options);
  });
}
