import { type Centre, centreOf } from '../../../core/statistics/centre.js';
import { type Interval, percentileBootstrap, tInterval } from '../../../core/statistics/interval.js';
import type { Blocks } from '../../../core/statistics/nested.js';
import { median } from '../../../core/statistics/quantile.js';
import { mean } from '../../../core/statistics/summary.js';
import { type Draw, drawFrom, type Layout, type Levels, row, type Shape } from './noise.js';

/** One way to a number and its interval. */
interface Method {
  readonly name: string;
  /** Share of the rows that it is tried on: resampling is slow. */
  readonly share: number;
  readonly estimate: (row: Blocks, draw: Draw) => { centre: number; interval: Interval };
}

const medians = (blocks: Blocks) => blocks.flat().map(median);
const known = ({ centre, interval }: Centre) => ({ centre: centre!, interval: interval! });

/** Starts drawn with replacement, then repeats of each; percentiles of the mean of medians. */
function nestedBootstrap(blocks: Blocks, draw: Draw): Interval {
  const starts = blocks.flat();
  const pick = <T>(from: readonly T[]) => from[Math.floor(draw.uniform() * from.length)]!;
  const means = Array.from({ length: 400 }, () =>
    mean(
      starts.map(() => {
        const start = pick(starts);
        return median(start.map(() => pick(start)));
      }),
    ),
  ).sort((a, b) => a - b);
  return [means[10]!, means[389]!];
}

const METHODS: readonly Method[] = [
  {
    name: 'repeats as independent (t)',
    share: 1,
    estimate: (r) => ({ centre: median(r.flat(2)), interval: tInterval(r.flat(2))! }),
  },
  {
    name: 'percentile bootstrap of starts',
    share: 0.1,
    estimate: (r) => ({
      centre: mean(medians(r)),
      interval: percentileBootstrap(medians(r), mean, { resamples: 400 })!,
    }),
  },
  {
    name: 'nested bootstrap',
    share: 0.1,
    estimate: (r, draw) => ({ centre: mean(medians(r)), interval: nestedBootstrap(r, draw) }),
  },
  {
    name: 'range of starts, median of medians',
    share: 1,
    estimate: (r) => ({
      centre: median(medians(r)),
      interval: [Math.min(...medians(r)), Math.max(...medians(r))],
    }),
  },
  {
    name: 'mean of start means (t)',
    share: 1,
    estimate: (r) => ({ centre: mean(r.flat().map(mean)), interval: tInterval(r.flat().map(mean))! }),
  },
  {
    name: 'blocks as units (t)',
    share: 1,
    estimate: (r) => {
      const units = r.length < 2 ? medians(r) : r.map((starts) => mean(starts.map(median)));
      return { centre: mean(units), interval: tInterval(units)! };
    },
  },
  { name: 'centreOf', share: 1, estimate: (r) => known(centreOf(r)) },
];

/** What one method did over many rows. */
export interface Coverage {
  /** Share of intervals that hold the long-run centre: that of start medians, as logarithms. */
  readonly held: number;
  /** Median half width, relative. */
  readonly halfWidth: number;
  /** Root mean square of the logarithm of centre / long-run centre. */
  readonly error: number;
}

/** The long-run mean of logarithms of start medians; shapes are skewed, so it is found by drawing. */
export function longRun(shape: Shape, levels: Levels, repeats: number): number {
  const draw = drawFrom(7);
  // Starts have mean 0 by construction: what is left is the median of a few skewed repeats.
  const still = { ...levels, starts: 0, blocks: 0 };
  const one: Layout = { perBlock: [1], repeats };
  return mean(Array.from({ length: 20_000 }, () => Math.log(median(row(draw, shape, still, one)[0]![0]!))));
}

/** Coverage of each method over `rows` rows of this noise. */
export function coverage(
  shape: Shape,
  levels: Levels,
  layout: Layout,
  rows: number,
  seed: number,
  methods: readonly Method[] = METHODS,
): Map<string, Coverage> {
  const target = longRun(shape, levels, layout.repeats);
  const draw = drawFrom(seed);
  const tallies = methods.map(() => ({ held: 0, widths: [] as number[], squares: 0 }));
  for (let i = 0; i < rows; i++) {
    const one = row(draw, shape, levels, layout);
    methods.forEach((method, m) => {
      if (i >= rows * method.share) return;
      const { centre, interval } = method.estimate(one, draw);
      const tally = tallies[m]!;
      if (Math.log(interval[0]) <= target && target <= Math.log(interval[1])) tally.held++;
      tally.widths.push((interval[1] - interval[0]) / 2 / centre);
      tally.squares += (Math.log(centre) - target) ** 2;
    });
  }
  return new Map(
    methods.map(({ name }, m) => {
      const { held, widths, squares } = tallies[m]!;
      const n = widths.length;
      return [name, { held: held / n, halfWidth: median(widths), error: Math.sqrt(squares / n) }];
    }),
  );
}
