/**
 * bench:search: how many device-seconds does a search need until its front covers 90, 95 and 99 % of what the
 * whole grid's covers, beside chance, a space-filling design, evolution, Optuna and SMAC3 on the same points?
 * Every point of a task is known, so that what is asked for is looked up. One task was measured
 * (test/bench/search/record.ts; as far as it is recorded, of which it says how far). Five are synthetic:
 * settings that multiply, methods with knobs of their own, settings that depend on each other, numbers with
 * valleys, and configurations that fail beside the best ones. Nothing was tuned on their seeds. A task where
 * chance needs less than a twentieth of the grid does not count. Five more (branched.ts) are judged by what
 * is covered after 80 or 600 trials: there a search can be locked out of the best branch.
 *
 * `deep` is the recorded grid at full depth, with the probes that were recorded (recorded.ts says how
 * measurements are made of those points that only have a probe): what probing is worth there. Elsewhere a row
 * that probes first is given probes that take 0.4 of a measurement's time and are off by a tenth at random,
 * which is made up.
 *
 * --halving is another question: of a twentieth of each synthetic grid, how many of the points of its front
 * are never measured in full when a seventh of its time is spent, by promotions that know noise and by plain
 * halving, where ranks at probe depth flip.
 *
 * RIDGEPOINT_OPTUNA is a Python with optuna (5 or newer), and smac where --theirs names it; without it their
 * rows are left out, and the claim beside Optuna is not made.
 *
 *   npm run bench -- search [--seeds=20] [--tasks=recorded,multiplied] [--trials=400]
 *   [--theirs=tpe,nsga2,smac,gp] [--keep=FILE] [--rows='random;tpe;Optuna tpe'] [--budget=80] [--halving]
 *
 * --budget ends every search after so many trials (80, 150 or 600), and judges every task by what is covered.
 *
 * --keep writes what each seed of each row gave as a line of a file, and takes what stands there as done: a
 * run that was cut short goes on, and a row that takes long may have fewer seeds, which is said.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getOrMake } from '../../core/maps.js';
import { median } from '../../statistics/quantile.js';
import { conclude, type Figure } from './figure.js';
import { BRANCHED } from './search/branched.js';
import { judgeBudgets } from './search/by-budget.js';
import { knowingNoise, PROBED, plainHalving } from './search/halving.js';
import { recorded, recordedDeep } from './search/recorded.js';
import { BUDGETS, follow, measuredOf, type Replayed, replay, SHARES, trialsOf } from './search/replay.js';
import { SYNTHETIC } from './search/synthetic.js';
import type { Task } from './search/task.js';

const argument = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const seeds = Array.from({ length: Number(argument('seeds') ?? 20) }, (_, i) => i + 1);
const names = argument('tasks')?.split(',');
const theirTrials = Number(argument('trials') ?? 400);
const python = process.env.RIDGEPOINT_OPTUNA;
const theirs = python === undefined ? [] : (argument('theirs') ?? 'tpe,nsga2').split(',');
const keep = argument('keep');
const wantedRows = argument('rows')?.split(';');
const budget = argument('budget');
if (budget !== undefined && !BUDGETS.includes(Number(budget)))
  throw new Error(`--budget is one of ${BUDGETS.join(', ')}`);
/** Tasks that searches were not looked at on while they were written. */
const TASK_SEED = 11;
const LEAST_FOR_CHANCE = 0.05;
const WHOLE = SHARES.indexOf(0.99);
const NEAR = SHARES.indexOf(0.95);

const OWN = [
  ['random', 'random', false],
  ['sobol', 'sobol', false],
  ['nsga2', 'nsga2', false],
  ['tpe', 'tpe', false],
  ['tpe, predicting', 'tpe', true],
  ['tpe, probing', 'tpe', true, 'probe'],
] as const;

const rowOf = (sampler: string) => (sampler === 'smac' ? 'SMAC3' : `Optuna ${sampler}`);

/**
 * What a search of others asked for, looked up as ours is. A run that did not get there counts as the whole
 * grid.
 */
function byOthers(task: Task, sampler: string, seed: number): Replayed {
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
    points: [...task.points.values()].map((point, position) => ({
      digits: point.digits,
      values: measuredOf(task, point, position, seed)?.map(Math.log) ?? null,
    })),
    objectives: task.metrics.length,
    seed,
    trials: Math.min(theirTrials, trialsOf(task) ?? Infinity),
  };
  const script = join(import.meta.dirname, 'search/with-others.py');
  const said = execFileSync(python!, ['-W', 'ignore', script, sampler], {
    input: JSON.stringify(job),
    maxBuffer: 2 ** 28,
  });
  return follow(task, JSON.parse(String(said)) as number[][]);
}

/** One seed of one row of a task. */
interface Kept extends Replayed {
  readonly task: string;
  readonly row: string;
  readonly seed: number;
}

/** By task, row and seed. */
const kept = new Map<string, Map<string, Map<number, Replayed>>>();
const rowsOf = (task: string) => getOrMake(kept, task, () => new Map<string, Map<number, Replayed>>());
const seedsOf = (task: string, row: string) => getOrMake(rowsOf(task), row, () => new Map());
if (keep !== undefined && existsSync(keep)) {
  for (const line of readFileSync(keep, 'utf8').trimEnd().split('\n')) {
    const { task, row, seed, ...replayed } = JSON.parse(line) as Kept;
    seedsOf(task, row).set(seed, replayed);
  }
}

/** Runs each seed of a row that is not there yet. */
function runRow(task: string, row: string, run: (seed: number) => Replayed): void {
  if (wantedRows !== undefined && !wantedRows.includes(row)) return;
  const there = seedsOf(task, row);
  for (const seed of seeds) {
    if (there.has(seed)) continue;
    const replayed = run(seed);
    there.set(seed, replayed);
    if (keep !== undefined) appendFileSync(keep, `${JSON.stringify({ task, row, seed, ...replayed })}\n`);
  }
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

/**
 * @returns what the rows that were run say of a task that is judged by time: without two of them, nothing.
 */
function judgeTimes(task: Task, rows: ReadonlyMap<string, readonly Replayed[]>): Figure[] {
  const until = (row: string, share: number) => {
    const runs = rows.get(row);
    return runs === undefined ? null : middle(runs, share);
  };
  const own = until('tpe, predicting', WHOLE);
  if (own === null) return [];
  const per = (share: number) => `${(100 * share).toFixed(1)} %`;
  if (deep.includes(task)) {
    const probing = until('tpe, probing', WHOLE);
    if (probing === null) return [];
    const claim = `${task.name}: device-seconds to 99 % of the volume where points are probed first, beside measuring each in full`;
    const measured = `${(probing / own).toFixed(2)} of its ${per(own)}`;
    return [{ claim, measured, required: 'no more', holds: probing <= own }];
  }
  const chance = until('random', WHOLE);
  if (chance !== null && chance < LEAST_FOR_CHANCE) {
    console.log(`  chance needs ${per(chance)} of the grid: it does not count`);
    return [];
  }
  const near = until('tpe, predicting', NEAR)!;
  const optuna = until('Optuna tpe', WHOLE);
  const beside = (other: string, time: number, required: string, most: number): Figure => ({
    claim: `${task.name}: device-seconds to 99 % of the volume, beside ${other}`,
    measured: `${(own / time).toFixed(3)} of its ${per(time)}`,
    required,
    holds: own <= most * time,
  });
  return [
    ...(chance === null ? [] : [beside('chance', chance, 'at most half', 0.5)]),
    {
      claim: `${task.name}: device-seconds to 95 % of the volume`,
      measured: `${per(near)} of the grid's`,
      required: 'at most 10 %',
      holds: near <= 0.1,
    },
    ...(optuna === null ? [] : [beside("Optuna's TPE", optuna, 'no more', 1)]),
  ];
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
const deep = [recordedDeep(true), recordedDeep(false)].filter((task) => task !== null);
const tasks = [
  ...(real === null ? [] : [real.task]),
  ...deep,
  ...[...SYNTHETIC, ...BRANCHED].map((make) => make(TASK_SEED)),
];
for (const made of tasks) {
  const task = budget === undefined ? made : { ...made, judgedAfter: Number(budget), trials: Number(budget) };
  if (names !== undefined && !names.includes(task.name)) continue;
  for (const [name, strategy, predict, fidelity = 'full'] of OWN) {
    if (fidelity === 'probe' && task.judgedAfter !== undefined) continue;
    runRow(task.name, name, (seed) => replay(task, { strategy, seed, predict, fidelity }));
  }
  for (const sampler of theirs) runRow(task.name, rowOf(sampler), (seed) => byOthers(task, sampler, seed));
  const rows = new Map([...rowsOf(task.name)].map(([row, runs]) => [row, [...runs.values()]]));
  if (task.judgedAfter !== undefined) {
    figures.push(...judgeBudgets(task, rows));
    continue;
  }
  console.log(
    `\n${task.name}: ${task.points.size} points; share of the grid's device-seconds until 90, 95, 99 % of its volume`,
  );
  for (const [name, runs] of rows) {
    const shares = SHARES.map((_, i) => `${(100 * middle(runs, i)).toFixed(2)} %`.padStart(9)).join('');
    const trials = median(runs.map(({ trials }) => trials[WHOLE]!));
    const fewer = runs.length < seeds.length ? `, ${runs.length} seeds` : '';
    console.log(`  ${name.padEnd(18)}${shares}   ${trials} trials${fewer}`);
  }
  figures.push(...judgeTimes(task, rows));
}
conclude('search', figures);
