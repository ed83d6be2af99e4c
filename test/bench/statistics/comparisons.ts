import { detectable } from '../../../core/statistics/allocation.js';
import { adjustForMany, type Comparison } from '../../../core/statistics/compare.js';
import type { Blocks } from '../../../core/statistics/nested.js';
import { pooledSpread } from '../../../core/statistics/pooled.js';
import { compareStarts } from '../../../core/statistics/ratio.js';
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
