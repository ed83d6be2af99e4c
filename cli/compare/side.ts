import type { Gates } from '../../core/experiment/experiment.js';
import { buildReport } from '../../report/build.js';
import { axisText } from '../../report/columns.js';
import type { Report } from '../../report/report.js';
import { usageError } from '../exit.js';
import { newestRun, readRun } from '../report/run-folder.js';

/** One side of a comparison: rows of a run. */
export interface Side {
  readonly report: Report;
  /** Axes that its words choose by, which the other side may have other values of. */
  readonly chosen: readonly string[];
}

/**
 * Reads `SOURCE`, `SOURCE#3` or `SOURCE#axis=value,axis=value`; without a source, the newest run.
 * @param gates to grade rows under; left out = those that they were measured under.
 * @throws CommandError (2) for a source that is none, an axis that no row has, or rows that do not exist.
 */
export function readSide(argument: string, gates?: Gates): Side {
  const [source = '', ...rest] = argument.split('#');
  const run = readRun(source === '' ? newestRun() : source, gates);
  const report = buildReport(run.records, run.request);
  return rest.length === 0 ? { report, chosen: [] } : chooseRows(report, rest.join('#'), source);
}

/**
 * @param choice what stands behind the #.
 * @param source what stands before it, for messages.
 * @throws CommandError (2) as `readSide`.
 */
export function chooseRows(report: Report, choice: string, source: string): Side {
  const { rows, chosen } = /^\d+$/.test(choice) ? byNumber(report, Number(choice)) : byAxes(report, choice);
  if (rows.length === 0) {
    throw usageError(
      `no row of ${source || report.sweepName} is ${choice}`,
      `\`ridge report ${source}\` shows them.`,
    );
  }
  return { report: { ...report, rows }, chosen };
}

function byNumber(report: Report, number: number): { rows: Report['rows']; chosen: string[] } {
  return { rows: report.rows.filter((row) => row.number === number), chosen: [] };
}

function byAxes(report: Report, choice: string): { rows: Report['rows']; chosen: string[] } {
  const wanted = choice.split(',').map((pair) => {
    const [name = '', value] = pair.split(/=(.*)/s);
    if (value === undefined)
      throw usageError(
        `${JSON.stringify(pair)} chooses no rows`,
        'Write the number of a row, or AXIS=VALUE: run#3, run#quantization=f16.',
      );
    if (report.rows.some((row) => name in row.axes)) return [name, value] as const;
    const known = report.axes.map((axis) => axis.name).join(', ');
    throw usageError(
      `there is no axis ${JSON.stringify(name)} to choose rows by`,
      `Axes that vary: ${known || 'none'}.`,
    );
  });
  const rows = report.rows.filter((row) =>
    wanted.every(([name, value]) => axisText(row.axes[name]) === value),
  );
  return { rows, chosen: wanted.map(([name]) => name) };
}
