import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { blockOf } from '../../../core/judgement/block.js';
import { metricValue, type ResultRecord } from '../../../core/result/result.js';
import { moments } from '../../../core/statistics/summary.js';
import { changesOf } from '../../../report/compare.js';
import type { Row } from '../../../report/rows.js';
import type { Figure } from '../figure.js';
import { type Run, runAgain } from '../reproduce/runs.js';
import { drawFrom, shuffled } from '../statistics/noise.js';
import { equalFigure, METRIC, promised, SEEDS, SLOWDOWNS, slowdownFigure, type Verdicts } from './claims.js';

/** Tokens per second of the runner that waits as long as it is told. */
const SPEED = 1000;
/**
 * How its starts differ, as those of real engines do: more would leave too few starts in ten minutes for every seed to have its own, for
 * they grow with its square.
 */
const START_SPREAD = 0.01;
const SPEEDS = [0, ...SLOWDOWNS].map((slowdown) => Math.round(SPEED * (1 - slowdown)));

export interface Size {
  readonly twins: number;
  readonly starts: number;
}

/**
 * Runs one sweep of the fake runner: twins that are alike but for a token of the prompt, each at full speed and at each slowdown. A block
 * holds one start of every row, so all rows share their blocks; what came out invalid is measured again, in a later one.
 */
function runTwins(out: string, { twins, starts }: Size, say: (line: string) => void): Run {
  const sweep = join(out, 'delay.yaml');
  mkdirSync(out, { recursive: true });
  // A token more of a prompt takes no time in a decode step.
  const promptTokens = Array.from({ length: twins }, (_, i) => 8 + i);
  // The largest slowdown takes so few starts that half of the twins have enough of them for all seeds.
  const spared = promptTokens.filter((_, i) => i % 2 === 1);
  const spec = {
    models: 'builtin:tiny',
    runners: [{ kind: 'fake', fakeDecodeTokensPerSecond: SPEEDS, fakeStartSpread: START_SPREAD }],
    workloads: [{ kind: 'latency', generateTokens: 16, promptTokens }],
    exclude: [{ fakeDecodeTokensPerSecond: SPEEDS.at(-1)!, promptTokens: spared }],
    measure: {
      ...{ starts, retryInvalid: Math.min(100, starts) },
      ...{ minRepeats: 3, maxRepeats: 3, maxWarmups: 1, energyWindows: 0 },
    },
    placement: { blockSize: twins * SPEEDS.length, driftControl: false },
  };
  writeFileSync(sweep, JSON.stringify({ metadata: { name: 'delay' }, spec }));
  return runAgain(sweep, join(out, 'delay'), 1, say)[0]!;
}

/** Two rows of one sweep, with the starts of both in each block that they share, in the order of the blocks. */
interface Pair {
  readonly base: Row;
  readonly candidate: Row;
  readonly blocks: readonly Shared[];
}
type Shared = readonly [base: ResultRecord, candidate: ResultRecord];

function pairOf(base: Row, candidate: Row): Pair {
  const others = new Map(candidate.starts.map((start) => [blockOf(start), start]));
  const blocks = base.starts.flatMap((start): Shared[] => {
    const other = others.get(blockOf(start));
    return other === undefined ? [] : [[start, other]];
  });
  return { base, candidate, blocks };
}

/** What `ridge compare` prints of these two rows, had they been measured in these blocks alone. */
function verdictOf({ base, candidate }: Pair, blocks: readonly Shared[]): string {
  const a = { ...base, starts: blocks.map(([start]) => start) };
  const b = { ...candidate, starts: blocks.map(([, start]) => start) };
  return changesOf([{ label: '', a, b }], [METRIC])[0]!.verdict;
}

/**
 * The seeds go to the pairs in turn. Those of one pair take one part after the other of its blocks in a random order, from the front
 * again where they run out: no block is in two seeds as long as there are enough.
 * @param starts that each row has in a seed; pairs that have fewer are left out.
 */
function verdictsOf(pairs: readonly Pair[], starts: number | null): Verdicts {
  if (starts === null) return { reason: 'it takes more starts than any sweep has' };
  const full = pairs.filter(({ blocks }) => blocks.length >= starts);
  if (full.length === 0) {
    const most = Math.max(0, ...pairs.map(({ blocks }) => blocks.length));
    return {
      reason: `it takes ${starts} starts, and no pair of rows has more than ${most} in shared blocks`,
    };
  }
  const orders = full.map(({ blocks }, i) => shuffled(blocks, drawFrom(i + 1)));
  return Array.from({ length: SEEDS }, (_, seed) => {
    const blocks = orders[seed % full.length]!;
    const first = starts * Math.floor(seed / full.length);
    const part = Array.from({ length: starts }, (_, i) => blocks[(first + i) % blocks.length]!);
    return verdictOf(full[seed % full.length]!, part);
  });
}

/**
 * How the starts of one row differ within blocks: two of them differ by twice that variance.
 * @throws where no two rows share two blocks.
 */
function spreadWithinBlocks(pairs: readonly Pair[], blocks: number): number {
  const differences = pairs.map((pair) => pair.blocks.slice(0, blocks).flatMap(logRatio));
  const squares = differences.reduce((sum, values) => sum + moments(values).squares, 0);
  const df = differences.reduce((sum, { length }) => sum + Math.max(0, length - 1), 0);
  if (df === 0) throw new Error('no two rows share two blocks: something else used the machine');
  return Math.sqrt(squares / df / 2);
}

function logRatio(shared: Shared): number[] {
  const [base, candidate] = shared.map((start) => metricValue(start, METRIC));
  return base == null || candidate == null ? [] : [Math.log(candidate / base)];
}

/** Twins of the fake runner, some of which really wait longer in every step. */
export function delayed(out: string, size: Size, say: (line: string) => void): Figure[] {
  const { records, report } = runTwins(out, size, say);
  const invalid = records.filter((record) => !record.valid).length;
  say(`${invalid} of ${records.length} starts came out invalid and are left out`);
  const valid = report.rows.filter(({ state }) => state === 'valid');
  const bySpeed = SPEEDS.map((speed) =>
    valid.filter(({ experiment }) => experiment.runner.options.fakeDecodeTokensPerSecond === speed),
  );
  const promptOf = (row: Row) => row.experiment.workload.options.promptTokens;
  const slower = SLOWDOWNS.map((_, i) =>
    bySpeed[0]!.flatMap((base) => {
      const candidate = bySpeed[i + 1]!.find((row) => promptOf(row) === promptOf(base));
      return candidate === undefined ? [] : [pairOf(base, candidate)];
    }),
  );
  const alike = bySpeed.flatMap((rows) =>
    rows.flatMap((row, i) => (i % 2 === 1 ? [pairOf(rows[i - 1]!, row)] : [])),
  );

  const first = Math.max(2, Math.ceil(size.starts / 3));
  const spread = spreadWithinBlocks(slower.flat(), first);
  const needed = SLOWDOWNS.map((slowdown) => promised(spread, slowdown, true));
  say(`starts differ by ${(100 * spread).toFixed(2)} % within the first ${first} blocks`);
  const told = (starts: number | null, pairs: readonly Pair[]) =>
    starts === null
      ? 'more than any sweep has'
      : `${starts}; ${pairs.filter(({ blocks }) => blocks.length >= starts).length} of ${pairs.length} pairs of rows have them`;
  return [
    ...SLOWDOWNS.map((slowdown, i) =>
      slowdownFigure(
        slowdown,
        'a runner that really is',
        told(needed[i]!, slower[i]!),
        verdictsOf(slower[i]!, needed[i]!),
      ),
    ),
    equalFigure('twins that wait alike', told(needed[0]!, alike), verdictsOf(alike, needed[0]!)),
  ];
}
