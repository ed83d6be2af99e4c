import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Blocks } from '../../../core/statistics/nested.js';

/** Random numbers of one seed. */
export interface Draw {
  /** Between 0 and 1, both excluded. */
  readonly uniform: () => number;
  readonly normal: () => number;
}

export function drawFrom(seed: number): Draw {
  const random = xoroshiro128plus(seed);
  const uniform = () => ((random.next() >>> 0) + 0.5) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

/** @returns the values in a random order. */
export function shuffled<T>(values: readonly T[], draw: Draw): T[] {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(draw.uniform() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

/** How starts and repeats scatter: logarithms with mean 0 and standard deviation 1, but for what `repeat` adds by accident. */
export interface Shape {
  readonly name: string;
  readonly start: (draw: Draw) => number;
  readonly repeat: (draw: Draw) => number;
  /** What a neighbour adds to a repeat now and then, as a logarithm. */
  readonly accident: (draw: Draw) => number;
}

const none = () => 0;
const normal = (draw: Draw) => draw.normal();
/** Skewness 2: most a little fast, some much slower. */
const tail = (draw: Draw) => -Math.log(draw.uniform()) - 1;
/** Three starts of ten are slower by twice the standard deviation; the rest of the spread is their own. */
const twoKinds = (draw: Draw) => (draw.uniform() < 0.3 ? 1.4 : -0.6) + Math.sqrt(1 - 0.84) * draw.normal();

export const SHAPES: readonly Shape[] = [
  { name: 'log-normal', start: normal, repeat: normal, accident: none },
  { name: 'right tails', start: tail, repeat: tail, accident: none },
  { name: 'two kinds of start', start: twoKinds, repeat: normal, accident: none },
  {
    name: 'disturbed repeats',
    start: normal,
    repeat: normal,
    accident: (draw) => (draw.uniform() < 0.05 ? 0.1 + 0.2 * draw.uniform() : 0),
  },
];

/** Standard deviations of logarithms, which are relative ones. */
export interface Levels {
  readonly within: number;
  readonly starts: number;
  readonly blocks: number;
}

/** Starts of each block, and repeats of each start. */
export interface Layout {
  readonly perBlock: readonly number[];
  readonly repeats: number;
}

/** One row as it would be read, about 100 units; `shifts` moves its blocks further, for rows that share a sweep. */
export function row(
  draw: Draw,
  shape: Shape,
  levels: Levels,
  layout: Layout,
  shifts?: readonly number[],
): Blocks {
  return layout.perBlock.map((starts, b) => {
    const block = shifts === undefined ? levels.blocks * draw.normal() : shifts[b]!;
    return Array.from({ length: starts }, () => {
      const start = block + levels.starts * shape.start(draw);
      return Array.from(
        { length: layout.repeats },
        () => 100 * Math.exp(start + levels.within * shape.repeat(draw) + shape.accident(draw)),
      );
    });
  });
}
