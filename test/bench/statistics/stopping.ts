import { anotherStart } from '../../../core/statistics/allocation.js';
import { centreOf } from '../../../core/statistics/centre.js';
import { drawFrom, type Levels, row, SHAPES } from './noise.js';

export interface Stopped {
  /** Share of the reported intervals that hold the long-run centre. */
  readonly held: number;
  readonly starts: number;
}

/**
 * Rows that get another start, in a block of its own, until a rule stops them.
 * @param rule `at-once` stops at the first interval that is narrow enough, from three starts on.
 */
export function stopped(
  rule: 'at-once' | 'anotherStart',
  target: number,
  maxStarts: number,
  levels: Levels,
  rows: number,
  seed: number,
): Stopped {
  const draw = drawFrom(seed);
  const layout = { perBlock: [1], repeats: 4 };
  let [held, starts] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const blocks = [...row(draw, SHAPES[0]!, levels, layout)];
    const halfWidths: (number | null)[] = [null];
    const goOn = () => {
      if (rule === 'anotherStart') return anotherStart({ halfWidths, target, maxStarts });
      const last = halfWidths.at(-1);
      return halfWidths.length < 3 || (last! > target && halfWidths.length < maxStarts);
    };
    let last = centreOf(blocks);
    while (goOn()) {
      blocks.push(...row(draw, SHAPES[0]!, levels, layout));
      last = centreOf(blocks);
      halfWidths.push((last.interval![1] - last.interval![0]) / 2 / last.centre!);
    }
    if (last.interval![0] <= 100 && 100 <= last.interval![1]) held++;
    starts += blocks.length;
  }
  return { held: held / rows, starts: starts / rows };
}
