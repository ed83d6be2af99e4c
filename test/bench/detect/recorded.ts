import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { blocksOf } from '../../../core/judgement/trials.js';
import { startLogs } from '../../../core/statistics/nested.js';
import { median } from '../../../core/statistics/quantile.js';
import { compareStarts } from '../../../core/statistics/ratio.js';
import { mean, stddev } from '../../../core/statistics/summary.js';
import type { Figure } from '../figure.js';
import { type Run, readAgain } from '../reproduce/runs.js';
import { drawFrom } from '../statistics/noise.js';
import { equalFigure, METRIC, promised, SEEDS, SLOWDOWNS, slowdownFigure, type Verdicts } from './claims.js';

/**
 * Logarithms of what starts said, row by row, less the level of their run: `ridge compare` takes out what moved everything between two
 * runs. Only rows that were valid in every run, so that all levels are of the same rows.
 */
function startsByRow(runs: readonly Run[]): number[][] {
  const byRun = runs.map(({ report }) => {
    const logs = report.rows
      .filter(({ state }) => state === 'valid')
      .map((row) => [row.experimentId, startLogs(blocksOf(row.starts, METRIC)).flat()] as const);
    return new Map(logs.filter(([, values]) => values.length > 0));
  });
  const ids = [...(byRun[0]?.keys() ?? [])].filter((id) => byRun.every((run) => run.has(id)));
  const levels = byRun.map((run) => mean(ids.map((id) => mean(run.get(id)!))));
  return ids.map((id) => byRun.flatMap((run, r) => run.get(id)!.map((log) => log - levels[r]!)));
}

/** Starts of recorded runs, drawn anew for two runs, those of the second one slowed down by arithmetic. */
export function recorded(folder: string): Figure[] {
  const plain = join(folder, 'plain');
  const runs = readdirSync(plain)
    .sort()
    .map((name) => readAgain(join(plain, name)));
  const rows = startsByRow(runs).filter((row) => row.length >= 10);
  const startsOf = (slowdown: number) => rows.map((row) => promised(stddev(row)!, slowdown, false));
  const verdicts = (slowdown: number, starts: readonly (number | null)[]): Verdicts => {
    const told = rows.flatMap((row, i) => (starts[i] === null ? [] : [{ row, starts: starts[i]! }]));
    if (told.length === 0) return { reason: 'no row has ten starts, or each would need too many' };
    return Array.from({ length: SEEDS }, (_, seed) => {
      const draw = drawFrom(seed + 1);
      const { row, starts: count } = told[seed % told.length]!;
      const run = (factor: number) =>
        Array.from({ length: count }, () => [
          [factor * Math.exp(row[Math.floor(draw.uniform() * row.length)]!)],
        ]);
      return compareStarts(run(1), run(1 - slowdown)).verdict;
    });
  };
  const told = (starts: readonly (number | null)[]) => {
    const known = starts.filter((count) => count !== null);
    const without = rows.length - known.length;
    const left =
      without === 0 ? '' : `; ${without} of ${rows.length} rows, which take too many, are left out`;
    return known.length === 0 ? 'none' : `${median(known)} in the median row${left}`;
  };
  const largest = startsOf(SLOWDOWNS.at(-1)!);
  return [
    ...SLOWDOWNS.map((slowdown) => {
      const starts = startsOf(slowdown);
      return slowdownFigure(slowdown, 'a run made', told(starts), verdicts(slowdown, starts));
    }),
    equalFigure('runs of equal starts', told(largest), verdicts(0, largest)),
  ];
}
