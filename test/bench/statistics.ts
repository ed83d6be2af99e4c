/**
 * bench:statistics: do intervals and comparisons of rows beside neighbours hold what they say? Simulated
 * machines, seeded: a neighbour comes and goes, the host puts CPUs far from each other, sittings and passes
 * have a level of their own, rows lose more or less than the mean of them, errors have long tails
 * (statistics/joint-fit.ts has none of this but the slopes). Nothing is measured.
 *
 *   npm run bench -- statistics [--pairs=300] [--seed=1]
 */
import { PRIORS } from '../../judgement/pace.js';
import { differenceOf, intervalOf } from '../../statistics/joint-compare.js';
import { type JointFit, jointFit } from '../../statistics/joint-fit.js';
import { median } from '../../statistics/quantile.js';
import type { Estimate } from '../../statistics/row-estimate.js';
import { holm } from '../../statistics/significance.js';
import { mean } from '../../statistics/summary.js';
import type { Starts } from '../../statistics/weighted-starts.js';
import { conclude, type Figure } from './figure.js';
import { drawFrom } from './statistics/draw.js';
import { machineOf, NEIGHBOURS, type Neighbours, sitting } from './statistics/machine.js';

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const pairs = Number(argument('pairs') ?? 300);
const seed = Number(argument('seed') ?? 1);
const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const share = (values: readonly boolean[]) => mean(values.map(Number));

interface Found {
  readonly held: readonly boolean[];
  readonly errors: readonly number[];
  readonly halves: readonly number[];
  readonly pairsWithFind: readonly boolean[];
  readonly single: readonly boolean[];
  readonly visible: readonly number[];
  readonly foundThen: readonly boolean[];
}

/** One machine in two sittings: nothing has changed, and then one row by as much as would be seen. */
function once(neighbours: Neighbours, starts: number, number: number): Found {
  const draw = drawFrom(1000 * seed + number);
  const machine = machineOf(draw);
  const [a, b] = [0, 1].map(() => sitting(draw, machine, neighbours, starts)) as [Starts[], Starts[]];
  const alone = jointFit(a, PRIORS.decode).rows as Estimate[];
  const fit = jointFit([...a, ...b], PRIORS.decode);
  const differences = compared(fit, a.length);
  const slower = b.map((row, r) => ({
    ...row,
    y: row.y.map((y) => (y === null || r > 0 ? y : y - Math.log(differences[0]!.smallestVisible))),
  }));
  const then = compared(jointFit([...a, ...slower], PRIORS.decode), a.length)[0]!;
  const intervals = alone.map((row) => intervalOf(row).map(Math.log) as [number, number]);
  return {
    held: intervals.map(([low, high], r) => low <= machine.centres[r]! && machine.centres[r]! <= high),
    errors: alone.map(({ centre }, r) => (centre - machine.centres[r]!) ** 2),
    halves: intervals.map(([low, high]) => (high - low) / 2),
    pairsWithFind: [holm(differences.map(({ p }) => p)).some((p) => p < 0.05)],
    single: differences.map(({ p }) => p < 0.05),
    visible: differences.map(({ smallestVisible }) => smallestVisible - 1),
    foundThen: [then.p < 0.05 && then.logRatio < 0],
  };
}

const compared = (fit: JointFit, rows: number) =>
  Array.from({ length: rows }, (_, r) =>
    differenceOf(fit, [{ base: fit.rows[r]!, candidate: fit.rows[rows + r]! }], { oneSitting: false }),
  );

function figuresOf(neighbours: Neighbours, starts: number): Figure[] {
  const all = Array.from({ length: pairs }, (_, i) => once(neighbours, starts, i));
  const of = <K extends keyof Found>(key: K) => all.flatMap((found) => found[key] as (boolean | number)[]);
  const [held, finds, seen] = [of('held'), of('pairsWithFind'), of('foundThen')].map((v) =>
    share(v as boolean[]),
  );
  const name = `${neighbours.name} neighbours, ${starts} starts`;
  console.log(
    `${name}: error ${percent(Math.sqrt(mean(of('errors') as number[])))}, half width ${percent(median(of('halves') as number[]))}, single p < 0.05 ${percent(share(of('single') as boolean[]))}, visible ${percent(median(of('visible') as number[]), 0)}`,
  );
  const intervals: Figure = {
    claim: `${name}: 95 % intervals hold`,
    measured: percent(held!),
    // One start knows nothing of its own spread: what is taken for it is on the safe side.
    required: starts === 1 ? 'at least 93 %' : '93 to 99 %',
    holds: held! >= 0.93 && (starts === 1 || held! <= 0.99),
  };
  const none: Figure = {
    claim: `${name}: pairs of sittings with a false find`,
    measured: percent(finds!),
    required: 'at most 5 %',
    holds: finds! <= 0.05,
  };
  if (starts === 1) return [intervals, none];
  const large: Figure = {
    claim: `${name}: a change as large as the smallest visible one is found`,
    measured: `in ${percent(seen!, 0)}`,
    required: 'in 72 to 92 %, where 80 is asked for',
    holds: seen! >= 0.72 && seen! <= 0.92,
  };
  return [intervals, none, large];
}

conclude(
  'statistics',
  NEIGHBOURS.flatMap((neighbours) => [1, 3, 5].flatMap((starts) => figuresOf(neighbours, starts))),
);
