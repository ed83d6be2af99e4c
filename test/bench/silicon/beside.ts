import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupBy } from '../../../core/maps.js';
import { median, quantile } from '../../../statistics/quantile.js';
import { drawFrom } from '../statistics/draw.js';
import { readCsv } from './points.js';
import type { Judged } from './splits.js';

/**
 * What NVIDIA's predictor says of the fixed sample (predictor.py): its version and licence stand beside it.
 */
const ANSWERS = join(import.meta.dirname, 'predictor.csv');

/** A point that both answered: ln(predicted / measured) of each. */
interface Pair {
  readonly engine: string;
  readonly ours: number;
  readonly theirs: number;
}

/** Two predictors on the same points of an engine. */
export interface BesideOf {
  readonly engine: string;
  readonly points: number;
  readonly ours: number;
  readonly theirs: number;
  /** Of ours less theirs, of medians, 95 %: below 0 where ours is nearer. */
  readonly interval: readonly [number, number];
}

export interface Beside {
  readonly asked: number;
  readonly answered: number;
  readonly tpot: readonly BesideOf[];
  readonly ttft: readonly BesideOf[];
}

/** @param judged each with its model left out. */
export function besidePredictor(judged: readonly Judged[]): Beside {
  const answers = readCsv(
    readFileSync(ANSWERS, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n'),
  );
  const own = new Map(judged.map((one) => [one.of.point.id, one]));
  const answered = answers.filter(({ tpot_ms }) => tpot_ms !== '');
  const both = answered.flatMap(({ id, tpot_ms, ttft_ms }) => {
    const one = own.get(id!);
    return one === undefined ? [] : [{ one, tpot: Number(tpot_ms) / 1000, ttft: Number(ttft_ms) / 1000 }];
  });
  const tpot = both.map(({ one, tpot }) => ({
    engine: one.of.point.engine,
    ours: one.tpotMiss,
    theirs: Math.log(tpot / one.of.point.tpotSeconds),
  }));
  const ttft = both.map(({ one, ttft }) => ({
    engine: one.of.point.engine,
    ours: one.ttftMiss,
    theirs: Math.log(ttft / one.of.point.ttftSeconds),
  }));
  return { asked: answers.length, answered: answered.length, tpot: byEngine(tpot), ttft: byEngine(ttft) };
}

const byEngine = (pairs: readonly Pair[]): BesideOf[] =>
  [...groupBy(pairs, ({ engine }) => engine).values(), ...(pairs.length === 0 ? [] : [pairs])].map(compared);

const DRAWS = 2000;

/** The same points are drawn for both, so that what is hard for both cancels. */
function compared(pairs: readonly Pair[]): BesideOf {
  const errors = pairs.map(
    ({ ours, theirs }) => [Math.abs(Math.expm1(ours)), Math.abs(Math.expm1(theirs))] as const,
  );
  const { uniform } = drawFrom(1);
  const differences = Array.from({ length: DRAWS }, () => {
    const drawn = errors.map(() => errors[Math.floor(uniform() * errors.length)]!);
    return median(drawn.map(([ours]) => ours)) - median(drawn.map(([, theirs]) => theirs));
  });
  const engines = new Set(pairs.map(({ engine }) => engine));
  return {
    engine: engines.size === 1 ? pairs[0]!.engine : 'all',
    points: pairs.length,
    ours: median(errors.map(([ours]) => ours)),
    theirs: median(errors.map(([, theirs]) => theirs)),
    interval: [quantile(differences, 0.025), quantile(differences, 0.975)],
  };
}
