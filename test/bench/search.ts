/**
 * bench:search: how many device-seconds does a search need until its front covers 90, 95 and 99 % of what the whole grid's covers, beside chance, a
 * space-filling design, evolution, and Optuna on the same points? Every point of a task is known, so that what is asked for is looked up. One task
 * was measured (test/bench/search/record.ts; as far as it is recorded, of which it says how far). Five
 * are synthetic: settings that multiply, methods with knobs of their own, settings that depend on each other, numbers with valleys, and
 * configurations that fail beside the best ones. Nothing was tuned on their seeds. A task where chance needs less than a twentieth of the grid does not count.
 *
 * A row that probes first is given probes that take 0.4 of a measurement's time and are off by a tenth at random, which is made up.
 *
 * RIDGEPOINT_OPTUNA is a Python with optuna (5 or newer); without it the rows of Optuna are left out, and its claim is not made.
 *
 *   npm run bench -- search [--seeds=20] [--tasks=recorded,multiplied] [--trials=400] [--gp]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { median } from '../../core/statistics/quantile.js';
import { conclude, type Figure } from './figure.js';
import { recorded } from './search/recorded.js';
import { follow, type Replayed, replay, SHARES } from './search/replay.js';
import { SYNTHETIC } from './search/synthetic.js';
import type { Task } from './search/task.js';

const argument = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const seeds = Array.from({ length: Number(argument('seeds') ?? 20) }, (_, i) => i + 1);
const names = argument('tasks')?.split(',');
const optunaTrials = Number(argument('trials') ?? 400);
const python = process.env.RIDGEPOINT_OPTUNA;
/** Tasks that searches were not looked at on while they were written. */
const TASK_SEED = 11;
const LEAST_FOR_CHANCE = 0.05;
const WHOLE = SHARES.indexOf(0.99);
const NEAR = SHARES.indexOf(0.95);

const OWN = [
  ['random', 'random', false],
  ['sobol', 'sobol', false],
  ['nsga2', 'nsga2', false],
  ['nsga2, predicting', 'nsga2', true],
  ['tpe', 'tpe', false],
  ['tpe, predicting', 'tpe', true],
  ['tpe, probing', 'tpe', true, 'probe'],
] as const;

/** What Optuna asked for, looked up as ours is. A run that did not get there counts as the whole grid. */
function optuna(task: Task, sampler: string): Replayed[] {
  const job = {
    axes: task.axes.map(({ name, values, where }) => {
      const other = task.axes.findIndex((axis) => axis.name === where?.axis);
      const indices = where?.values.map((value) => task.axes[other]!.values.indexOf(value));
      return {
        name,
        size: values.length,
        number: values.every((value) => typeof value === 'number'),
        ...(where === undefined ? {} : { where: { axis: other, indices } }),
      };
    }),
    points: [...task.points.values()].map(({ digits, values }) => ({
      digits,
      values: values?.map(Math.log) ?? null,
    })),
    objectives: task.metrics.length,
    seeds,
    trials: optunaTrials,
  };
  const script = join(import.meta.dirname, 'search/with-optuna.py');
  const said = execFileSync(python!, [script, sampler], { input: JSON.stringify(job), maxBuffer: 2 ** 28 });
  return (JSON.parse(String(said)) as number[][][]).map((order) => follow(task, order));
}

const middle = (runs: readonly Replayed[], share: number) => median(runs.map(({ until }) => until[share]!));
const figures: Figure[] = [];
const real = recorded();
if (real === null)
  console.log('no grid is recorded: node --import tsx test/bench/search/record.ts --out=FOLDER');
else console.log(`recorded: ${real.task.points.size} of ${real.of} points are measured`);
for (const task of [...(real === null ? [] : [real.task]), ...SYNTHETIC.map((make) => make(TASK_SEED))]) {
  if (names !== undefined && !names.includes(task.name)) continue;
  const rows = new Map<string, Replayed[]>();
  for (const [name, strategy, predict, fidelity = 'full'] of OWN) {
    rows.set(
      name,
      seeds.map((seed) => replay(task, { strategy, seed, predict, fidelity })),
    );
  }
  if (python !== undefined) {
    for (const sampler of ['tpe', 'nsga2', ...(process.argv.includes('--gp') ? ['gp'] : [])]) {
      rows.set(`Optuna ${sampler}`, optuna(task, sampler));
    }
  }
  console.log(
    `\n${task.name}: ${task.points.size} points; share of the grid's device-seconds until 90, 95, 99 % of its volume`,
  );
  for (const [name, runs] of rows) {
    const shares = SHARES.map((_, i) => `${(100 * middle(runs, i)).toFixed(2)} %`.padStart(9)).join('');
    console.log(`  ${name.padEnd(18)}${shares}   ${median(runs.map(({ trials }) => trials[WHOLE]!))} trials`);
  }
  const chance = middle(rows.get('random')!, WHOLE);
  const own = middle(rows.get('tpe, predicting')!, WHOLE);
  if (chance < LEAST_FOR_CHANCE) {
    console.log(`  chance needs ${(100 * chance).toFixed(1)} % of the grid: it does not count`);
    continue;
  }
  figures.push({
    claim: `${task.name}: device-seconds to 99 % of the volume, beside chance`,
    measured: `${(own / chance).toFixed(3)} of ${(100 * chance).toFixed(1)} %`,
    required: 'at most half',
    holds: own <= 0.5 * chance,
  });
  figures.push({
    claim: `${task.name}: device-seconds to 95 % of the volume`,
    measured: `${(100 * middle(rows.get('tpe, predicting')!, NEAR)).toFixed(1)} % of the grid's`,
    required: 'at most 10 %',
    holds: middle(rows.get('tpe, predicting')!, NEAR) <= 0.1,
  });
  const theirs = rows.get('Optuna tpe');
  if (theirs === undefined) continue;
  figures.push({
    claim: `${task.name}: device-seconds to 99 % of the volume, beside Optuna's TPE`,
    measured: `${(own / middle(theirs, WHOLE)).toFixed(3)} of its ${(100 * middle(theirs, WHOLE)).toFixed(1)} %`,
    required: 'no more',
    holds: own <= middle(theirs, WHOLE),
  });
}
conclude('search', figures);
