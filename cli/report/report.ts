import { resolve } from 'node:path';
import { recompute } from '../../batching/judge.js';
import type { ResultRecord } from '../../core/result/result.js';
import { canRecompute } from '../../judgement/judge.js';
import { buildReport } from '../../report/build.js';
import { differences, type PublishedFigure, publishedOf } from '../../report/published.js';
import type { ReportRequest } from '../../report/report.js';
import { EXIT, usageError } from '../exit.js';
import { chosenFormat, type Format } from '../options/display.js';
import { say } from '../output/print.js';
import { outputPath } from '../single/output-path.js';
import type { ReportOptions } from './command.js';
import { fileExporter, isFileFormat } from './files/index.js';
import { printRendered, renderResults } from './render.js';
import { newestRun, readRun, writeWhole } from './run-folder.js';

/** `ridge report`. */
export async function printReport(source: string | undefined, options: ReportOptions): Promise<void> {
  const format = chosenFormat(options);
  const files = isFileFormat(format) ? await fileExporter(format) : null;
  if (files !== null && options.output === undefined)
    throw usageError(`${format} is no text`, `Name ${files.place} with --output.`);
  const output =
    options.output === undefined || files?.unit === 'folder' ? null : outputPath(options.output, true);
  const run = readRun(source ?? newestRun(), options.strict === true ? 'strict' : undefined);
  const records = options.recompute === true ? run.records.map((record) => recompute(record)) : run.records;
  const left = options.recompute === true ? records.filter((record) => !canRecompute(record)).length : 0;
  if (left > 0) {
    say(
      `${left} of ${records.length} results are shown as they were recorded: they do not hold all that their figures were computed from`,
    );
  }
  if (options.recompute === true && run.published !== undefined)
    sayDifferences(run.published, records, run.request);
  const request = { ...run.request, columns: options.columns ?? null };
  if (files !== null) {
    const path = output ?? resolve(options.output ?? '');
    say(await files.write(buildReport(records, request), path));
    return;
  }
  const text = await renderResults(records, format as Format, request);
  if (output === null) return printRendered(text, format as Format);
  writeWhole(output, text);
  say(`wrote ${options.output}`);
}

/**
 * Says whether what a bundle publishes comes out of its raw part again; sets the exit code where something
 * does not.
 */
function sayDifferences(
  published: readonly PublishedFigure[],
  records: readonly ResultRecord[],
  request: ReportRequest,
): void {
  const apart = differences(published, publishedOf(buildReport(records, request)));
  for (const sentence of apart) say(`differs: ${sentence}`);
  say(
    apart.length === 0
      ? `all ${published.length} published numbers came out again`
      : `${apart.length} of ${published.length} published numbers did not come out again`,
  );
  if (apart.length > 0) process.exitCode = EXIT.failed;
}
