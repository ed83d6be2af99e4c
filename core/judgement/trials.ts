import { metricNamed } from '../metrics/catalogue.js';
import {
  isPresent,
  type Measurement,
  type Missing,
  metricValue,
  type ResultRecord,
} from '../result/result.js';
import type { Warning } from '../result/warnings.js';
import { centreOf } from '../statistics/centre.js';
import type { Comparison } from '../statistics/compare.js';
import { tInterval } from '../statistics/interval.js';
import { type Blocks, unusable } from '../statistics/nested.js';
import { compareStarts, compareWithinBlocks, type RatioOptions } from '../statistics/ratio.js';
import { summarize } from '../statistics/summary.js';
import { blockOf } from './block.js';

/**
 * The trials that a row is made of: the complete valid ones; without any, the last complete invalid one; none for an experiment
 * that never ended well. Where the engine changed between them, those of the engine that ran last.
 * @param records of one experiment, in the order of the log.
 */
export function startsOf(records: readonly ResultRecord[]): ResultRecord[] {
  const complete = records.filter((r) => r.status === 'complete' && r.sweep.purpose === 'measure');
  const valid = complete.filter((r) => r.valid);
  return ofNewestEngine(valid.length > 0 ? valid : complete.slice(-1));
}

/**
 * The runs of the drift control that tell how the machine moved: the complete valid ones; without any, all complete ones, for a
 * machine whose every control was disturbed moved all the same. Where the engine changed between them, those of the engine that ran last.
 * @param records in the order of the log.
 */
export function controlsOf(records: readonly ResultRecord[]): ResultRecord[] {
  const complete = records.filter((r) => r.status === 'complete' && r.sweep.purpose === 'control');
  const valid = complete.filter((r) => r.valid);
  return ofNewestEngine(valid.length > 0 ? valid : complete);
}

/** Those of the engine that ran last: a mixture of two is a number of neither. */
function ofNewestEngine(records: readonly ResultRecord[]): ResultRecord[] {
  const release = records.at(-1)?.environment.engine;
  const released = records.filter(({ environment }) => environment.engine === release);
  return ofNewestBuild(released, ({ environment }) => environment.engineBuild);
}

/**
 * Of trials of one release, those of the build that ran last: an engine that was built again is another one. What does not know its
 * build is not.
 * @param trials in the order of the log.
 */
export function ofNewestBuild<T>(trials: readonly T[], buildOf: (trial: T) => unknown): T[] {
  const newest = trials.findLast((trial) => buildOf(trial) != null);
  const build = newest === undefined ? null : buildOf(newest);
  return trials.filter((trial) => (buildOf(trial) ?? build) === build);
}

/**
 * What several starts of one experiment say together, in the form of a record: the first start, with the centre and interval of
 * all in place of its own measurements. Of one start it is that start: there is no interval, for how starts differ is not known.
 * @param starts of one experiment, at least one.
 */
export function combineStarts(starts: readonly ResultRecord[]): ResultRecord {
  const first = starts[0]!;
  if (starts.length === 1) return first;
  const names = new Set(starts.flatMap(({ measurements }) => Object.keys(measurements)));
  const blocks = byBlock(starts);
  const measurements = Object.fromEntries(
    [...names].map((name) => [name, together(starts, blocks, name)] as const),
  );
  return { ...first, measurements, warnings: warningsOf(starts) };
}

/** One metric of several starts. `samples` has one number per start then. */
function together(
  starts: readonly ResultRecord[],
  inBlocks: StartsByBlock,
  name: string,
): Measurement | Missing {
  const given = starts.filter((start) => isPresent(start.measurements[name]));
  const [first = starts[0]!] = given;
  const entry = first.measurements[name]!;
  const values = given.map((start) => (start.measurements[name] as Measurement).value);
  // Bytes are the same at each start; the error of an estimate is that of its text, and no start makes it smaller.
  if (!isPresent(entry) || entry.ci95 !== null || values.every((v) => v === values[0])) return entry;
  const { n, mean, median, stddev, cv } = summarize(values)!;
  const spread = { n, mean, median, stddev, cv, samples: values };
  const blocks = readingsOf(inBlocks, name);
  if (unusable(blocks) !== null) {
    // What may be zero or negative has no geometric mean.
    return { ...entry, ...spread, value: mean, ci95: pairOf(tInterval(values, 0.95)) };
  }
  const { centre, interval } = centreOf(blocks);
  return { ...entry, ...spread, value: centre!, ci95: pairOf(interval) };
}

const pairOf = (interval: readonly [number, number] | null): Measurement['ci95'] =>
  interval === null ? null : [interval[0], interval[1]];

/** Each code once, with how many of the starts carry it. */
function warningsOf(starts: readonly ResultRecord[]): Warning[] {
  const all = new Map<string, { readonly first: Warning; starts: number }>();
  for (const { warnings } of starts) {
    for (const code of new Set(warnings.map((w) => w.code))) {
      const known = all.get(code);
      if (known !== undefined) known.starts += 1;
      else all.set(code, { first: warnings.find((w) => w.code === code)!, starts: 1 });
    }
  }
  return [...all.values()].map(({ first, starts: n }) =>
    n === starts.length ? first : { ...first, message: `${first.message} (${n} of ${starts.length} starts)` },
  );
}

/** Starts by the block that each ran in. */
type StartsByBlock = ReadonlyMap<string, readonly ResultRecord[]>;

function byBlock(starts: readonly ResultRecord[]): StartsByBlock {
  const blocks = new Map<string, ResultRecord[]>();
  for (const start of starts) {
    const key = blockOf(start);
    const block = blocks.get(key);
    if (block === undefined) blocks.set(key, [start]);
    else block.push(start);
  }
  return blocks;
}

/** One number of each start that has one; blocks without any are left out. */
const readingsOf = (blocks: StartsByBlock, metric: string): Blocks =>
  [...blocks.values()]
    .map((starts) => valuesOf(starts, metric).map((value) => [value]))
    .filter((block) => block.length > 0);

const valuesOf = (starts: readonly ResultRecord[], metric: string): number[] =>
  starts.flatMap((start) => metricValue(start, metric) ?? []);

/** What starts say of one metric, one number each, by the block that each ran in; starts without a number are left out. */
export function blocksOf(starts: readonly ResultRecord[], metric: string): Blocks {
  return readingsOf(byBlock(starts), metric);
}

/**
 * Compares one metric of two experiments of one run, each given by its starts; better or worse as the catalogue says. Where both were
 * measured in the same blocks they are compared within these: what a block does to both is no difference between them.
 * @param spread how starts of this metric differ (`pooledSpread` of all rows); null = what these two say alone.
 */
export function compareExperiments(
  base: readonly ResultRecord[],
  candidate: readonly ResultRecord[],
  metric: string,
  options: Omit<RatioOptions, 'better'> = {},
): Comparison {
  const settings = { ...options, better: metricNamed(metric)?.better ?? 'max' };
  const [a, b] = [byBlock(base), byBlock(candidate)];
  const shared = [...a.keys()].filter((key) => b.has(key));
  if (shared.length < 2 || shared.length < a.size || shared.length < b.size) {
    return compareStarts(readingsOf(a, metric), readingsOf(b, metric), settings);
  }
  const pairs = shared.map((key) => ({
    base: valuesOf(a.get(key)!, metric),
    candidate: valuesOf(b.get(key)!, metric),
  }));
  return compareWithinBlocks(pairs, settings);
}
