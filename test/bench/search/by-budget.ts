import { mean, stddev } from '../../../statistics/summary.js';
import type { Figure } from '../figure.js';
import { BUDGETS, type Replayed, trialsOf } from './replay.js';
import type { Task } from './task.js';

/** Of what is covered without predictions, what is to be covered with them. */
const OF_UNPREDICTED = 0.98;

/**
 * Prints what each row of a task covers after each of BUDGETS, as means over its seeds.
 * @returns whether the default covers as much as chance, as Optuna's TPE less the 95 % interval of the
 *   difference, and nearly as much as without predictions.
 */
export function judgeBudgets(task: Task, rows: ReadonlyMap<string, readonly Replayed[]>): Figure[] {
  const budgets = BUDGETS.filter((budget) => budget <= trialsOf(task)!);
  console.log(
    `\n${task.name}: ${task.points.size} points; share of its volume after ${budgets.join(', ')} trials`,
  );
  const after = (row: string, at: number) => rows.get(row)?.map((run) => run.after[at]!) ?? [];
  for (const [row, runs] of rows) {
    const means = budgets.map((_, at) => mean(after(row, at)).toFixed(3).padStart(8)).join('');
    console.log(`  ${row.padEnd(18)}${means}   ${runs.length} seeds`);
  }
  const at = BUDGETS.indexOf(task.judgedAfter!);
  const own = after('tpe, predicting', at);
  const least = (row: string, others: readonly number[]) => {
    if (row === 'tpe') return OF_UNPREDICTED * mean(others);
    return row === 'random' ? mean(others) : mean(others) - halfWidth(own, others);
  };
  return ['random', 'tpe', 'Optuna tpe'].flatMap((row): Figure[] => {
    const others = after(row, at);
    if (others.length === 0 || own.length === 0) return [];
    return [
      {
        claim: `${task.name}: share of the volume after ${task.judgedAfter} trials, beside ${row}`,
        measured: `${mean(own).toFixed(3)} beside ${mean(others).toFixed(3)}`,
        required: `at least ${least(row, others).toFixed(3)}`,
        holds: mean(own) >= least(row, others),
      },
    ];
  });
}

/** Of the 95 % interval of the difference of two means, by the normal distribution. */
function halfWidth(a: readonly number[], b: readonly number[]): number {
  const variance = (values: readonly number[]) => (stddev(values) ?? 0) ** 2 / values.length;
  return 1.96 * Math.sqrt(variance(a) + variance(b));
}
