import { detectable } from '../../../core/statistics/allocation.js';
import { adjustForMany, type Comparison } from '../../../core/statistics/compare.js';
import { type Blocks, startLogs } from '../../../core/statistics/nested.js';
import { pooledSpread } from '../../../core/statistics/pooled.js';
import { compareStarts } from '../../../core/statistics/ratio.js';
import { shiftOf, shiftsOf } from '../../../core/statistics/shift.js';
import { type Draw, drawFrom, type Layout, type Levels, row, SHAPES, type Shape } from './noise.js';

const LOG_NORMAL = SHAPES[0]!;
const differs = ({ verdict }: Comparison) => verdict === 'faster' || verdict === 'slower';

/** Spread of rows' own start-to-start spreads about the typical one, as a logarithm. */
const ROWS_DIFFER = 0.3;

/** A run of a sweep: its rows share what moves its blocks. */
function sweep(
  draw: Draw,
  shape: Shape,
  spreads: readonly number[],
  levels: Levels,
  layout: Layout,
): Blocks[] {
  const shifts = layout.perBlock.map(() => levels.blocks * draw.normal());
  return spreads.map((starts) => row(draw, shape, { ...levels, starts }, layout, shifts));
}

export interface FamilyRate {
  /** Share of pairs of runs of one build with at least one comparison called different, after Holm. */
  readonly repeats: number;
  readonly starts: number;
  readonly pooled: number;
  /** Share of single comparisons with p below 0.05, by starts alone and with the pooled spread. */
  readonly size: number;
  readonly sizePooled: number;
}

/** A row of one process, as it would be if its repeats were independent. */
const repeatsAsStarts = (blocks: Blocks): Blocks => blocks[0]![0]!.map((value) => [[value]]);

/** Runs the same build twice, many times. `repeats` compares the repeats of one start on each side, as a row of one process does. */
export function sameBuild(
  shape: Shape,
  levels: Levels,
  layout: Layout,
  rows: number,
  pairs: number,
  seed: number,
): FamilyRate {
  const draw = drawFrom(seed);
  const found = { repeats: 0, starts: 0, pooled: 0, size: 0, sizePooled: 0 };
  const any = (comparisons: readonly Comparison[]) => (adjustForMany(comparisons).some(differs) ? 1 : 0);
  const low = (comparisons: readonly Comparison[]) => comparisons.filter(({ p }) => p! < 0.05).length;
  for (let i = 0; i < pairs; i++) {
    const spreads = Array.from({ length: rows }, () => levels.starts * Math.exp(ROWS_DIFFER * draw.normal()));
    const [a, b] = [sweep(draw, shape, spreads, levels, layout), sweep(draw, shape, spreads, levels, layout)];
    const each = (f: (base: Blocks, candidate: Blocks) => Comparison) => a.map((base, r) => f(base, b[r]!));
    const spread = pooledSpread([a, b]);
    const plain = each((x, y) => compareStarts(x, y));
    const pooled = each((x, y) => compareStarts(x, y, { spread }));
    found.repeats += any(each((x, y) => compareStarts(repeatsAsStarts(x), repeatsAsStarts(y))));
    found.starts += any(plain);
    found.pooled += any(pooled);
    found.size += low(plain) / rows;
    found.sizePooled += low(pooled) / rows;
  }
  const share = (n: number) => n / pairs;
  return {
    repeats: share(found.repeats),
    starts: share(found.starts),
    pooled: share(found.pooled),
    size: share(found.size),
    sizePooled: share(found.sizePooled),
  };
}

/** How often a difference of the size that `detectable` promises in 80 % is found, with and without thirty rows to pool. */
export function power(starts: number, levels: Levels, pairs: number, seed: number) {
  const draw = drawFrom(seed);
  const layout = { perBlock: Array.from({ length: starts }, () => 1), repeats: 5 };
  const known = (sd: number) => ({ sd, reason: null });
  const components = {
    within: known(levels.within),
    betweenStarts: known(levels.starts),
    betweenBlocks: known(levels.blocks),
  };
  const { value: ratio } = detectable(components, { starts, blocks: starts, repeats: layout.repeats });
  let found = 0;
  for (let i = 0; i < pairs; i++) {
    const base = row(draw, LOG_NORMAL, levels, layout);
    const candidate = row(draw, LOG_NORMAL, levels, layout).map((block) =>
      block.map((start) => start.map((v) => v * ratio!)),
    );
    if (compareStarts(base, candidate).p! < 0.05) found++;
  }
  return { ratio: ratio!, found: found / pairs };
}

/** What is known of the machine when two runs are compared. */
export const KNOWN = ['nothing', 'control', 'everything'] as const;

export interface RunsResult {
  /** Root mean square of the logarithm of the ratio of rows that did not change. */
  readonly error: Record<(typeof KNOWN)[number], number>;
  /** Share of p below 0.05 among them. */
  readonly size: Record<(typeof KNOWN)[number], number>;
  /** Share of pairs of runs in which one of them is called different, after Holm. */
  readonly falseFinds: Record<(typeof KNOWN)[number], number>;
  /** Share of pairs in which the row that changed is called so, after Holm. */
  readonly found: Record<(typeof KNOWN)[number], number>;
}

interface TwoRuns {
  /** Standard deviation of what the machine does to everything between two runs, as a logarithm. */
  readonly moved: number;
  /** How starts of rows and control differ. */
  readonly starts: number;
  readonly rows: number;
  /** What the first row really became, as a ratio. */
  readonly changed: number;
}

/** Two runs of one build: rows of three starts in a block each, five runs of the control. */
export function twoRuns({ moved, starts, rows, changed }: TwoRuns, pairs: number, seed: number): RunsResult {
  const draw = drawFrom(seed);
  const layout = { perBlock: [1, 1, 1], repeats: 4 };
  const levels = { within: 0.01, starts, blocks: 0 };
  const zeros = () => ({ nothing: 0, control: 0, everything: 0 });
  const [squares, low, falseFinds, found] = [zeros(), zeros(), zeros(), zeros()];
  const one = (factor: number, ofFirst: number) =>
    Array.from({ length: rows }, (_, r) =>
      row(draw, LOG_NORMAL, levels, layout).map((block) =>
        block.map((start) => start.map((v) => v * factor * (r === 0 ? ofFirst : 1))),
      ),
    );
  const control = (factor: number) =>
    Array.from({ length: 5 }, () => Math.log(factor) + starts * draw.normal());
  for (let i = 0; i < pairs; i++) {
    const factor = Math.exp(moved * draw.normal());
    const [a, b] = [one(1, 1), one(factor, changed)];
    const witness = { base: control(1), candidate: control(factor) };
    const logs = (blocks: Blocks) => startLogs(blocks).flat();
    const witnesses = a.map((base, r) => ({ base: logs(base), candidate: logs(b[r]!) }));
    const spread = pooledSpread([a, b]);
    const shifts = {
      nothing: a.map(() => null),
      control: a.map(() => shiftOf([witness])),
      everything: shiftsOf(witness, witnesses),
    };
    for (const known of KNOWN) {
      const raw = a.map((base, r) => compareStarts(base, b[r]!, { spread, shift: shifts[known][r]! }));
      const [first, ...others] = adjustForMany(raw);
      if (differs(first!) && first!.ratio! > 1 === changed > 1) found[known]++;
      if (others.some(differs)) falseFinds[known]++;
      for (const { ratio, p } of raw.slice(1)) {
        squares[known] += Math.log(ratio!) ** 2;
        if (p! < 0.05) low[known]++;
      }
    }
  }
  const each = (counts: Record<(typeof KNOWN)[number], number>, f: (n: number) => number) => ({
    nothing: f(counts.nothing),
    control: f(counts.control),
    everything: f(counts.everything),
  });
  const many = pairs * (rows - 1);
  return {
    error: each(squares, (n) => Math.sqrt(n / many)),
    size: each(low, (n) => n / many),
    falseFinds: each(falseFinds, (n) => n / pairs),
    found: each(found, (n) => n / pairs),
  };
}
