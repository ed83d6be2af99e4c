/**
 * bench:search: how many device-seconds does a search need until its front covers 90, 95 and 99 % of what the whole grid's covers, beside chance, a
 * space-filling design, evolution, and Optuna on the same points? Every point of a task is known, so that what is asked for is looked up. One task
 * was measured (test/bench/search/record.ts; as far as it is recorded, of which it says how far). Five
 * are synthetic: settings that multiply, methods with knobs of their own, settings that depend on each other, numbers with valleys, and
 * configurations that fail beside the best ones. Nothing was tuned on their seeds. A task where chance needs less than a twentieth of the grid does not count.
 *
 * A row that probes first is given probes that take 0.4 of a measurement's time and are off by a tenth at random, which is made up.
 *
 * --halving is another question: of a twentieth of each synthetic grid, how many of the points of its front are never measured in full when a seventh of
 * its time is spent, by promotions that know noise and by plain halving, where ranks at probe depth flip.
 *
 * RIDGEPOINT_OPTUNA is a Python with optuna (5 or newer); without it the rows of Optuna are left out, and its claim is not made.
 *
 *   npm run bench -- search [--seeds=20] [--tasks=recorded,multiplied] [--trials=400] [--gp] [--halving]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { median } from '../../statistics/quantile.js';
import { conclude, type Figure } from './figure.js';
import { knowingNoise, PROBED, plainHalving } from './search/halving.js';
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

/** What each way of promoting loses, on average over the seeds. */
function halving(): Figure[] {
  const { block, depth, chance } = PROBED;
  console.log(
    `probes take ${PROBED.seconds} of a measurement's time; they are off by ${block} with their block, ${depth} by themselves and ${chance} by chance`,
  );
  return SYNTHETIC.map((make) => make(TASK_SEED)).flatMap((whole) => {
    if (names !== undefined && !names.includes(whole.name)) return [];
    const task = { ...whole, points: new Map([...whole.points].filter((_, i) => i % 20 === 0)) };
    const [plain, knowing] = [plainHalving, knowingNoise].map((how) => {
      const runs = seeds.map((seed) => how(task, seed, 0.15));
      const mean = (of: 'lost' | 'best' | 'volume' | 'measured') =>
        runs.reduce((sum, run) => sum + run[of], 0) / runs.length;
      console.log(
        `  ${task.name} ${how.name}: ${mean('lost').toFixed(2)} of ${mean('best')} lost, ${(100 * mean('volume')).toFixed(1)} % of the volume, ${mean('measured').toFixed(0)} measured in full`,
      );
      return mean('lost');
    });
    return [
      {
        claim: `${task.name}: points of the front that are never measured, where ranks flip at a probe`,
        measured: `${knowing!.toFixed(2)}, ${plain!.toFixed(2)} by plain halving`,
        required: 'fewer',
        holds: knowing! < plain!,
      },
    ];
  });
}

const middle = (runs: readonly Replayed[], share: number) => median(runs.map(({ until }) => until[share]!));
const figures: Figure[] = [];
if (process.argv.includes('--halving')) {
  conclude('search', halving());
  process.exit();
}
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
