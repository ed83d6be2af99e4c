import { groupBy } from '../core/maps.js';
import { isPresent, type ResultRecord } from '../core/result/result.js';
import { type BlockEffects, blockEffects, type StartReading } from '../statistics/blocks.js';
import { dot } from '../statistics/weighted-starts.js';
import { blockOf } from './block.js';
import { PRIORS, paceOf, readingsOf } from './pace.js';

/** A difference of blocks below this is not reported, whatever its p value. */
const DRIFT_INDIFFERENCE = 0.02;
/** Share of sweeps on a steady machine for which a drift is reported by accident. */
const DRIFT_RATE = 0.05;

/** Effects that differ by less are equal. */
const TIE = 1e-9;

/** Metrics that show how fast a machine is, with the name of each in a sentence. */
export const WATCHED = [
  ['prefillTokensPerSecond', 'prefill'],
  ['decodeTokensPerSecond', 'decode'],
  ['trainTokensPerSecond', 'train'],
  ['achievedFlopsPerSecond', 'op'],
] as const;

/** How far one block of a sweep lies from the others. */
export interface Drift {
  readonly node: string;
  readonly device: string;
  readonly metric: (typeof WATCHED)[number][0];
  readonly label: string;
  /** 1-based, in the order of time, and of how many. */
  readonly block: number;
  readonly blocks: number;
  /** Speed in that block over the mean of the others, all rows and controls together: 0.95 = 5 % slower. */
  readonly ratio: number;
  /**
   * Probability of such a difference on a steady machine, multiplied by the number of devices and metrics
   * that were tested.
   */
  readonly p: number;
}

/** What a start shows about the speed of its machine. */
export interface StartSpeeds {
  readonly node: string;
  readonly device: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly row: string;
  readonly block: string;
  /**
   * Natural logarithm of each metric of WATCHED, as it would be on a machine without neighbours; null where
   * the row has none.
   */
  readonly logs: readonly (number | null)[];
}

/**
 * @returns null for a record that says nothing of drift, because it failed or is an invalid row. The effect
 *   of neighbours, according to the readings, is removed.
 */
export function speedsOf(record: ResultRecord): StartSpeeds | null {
  const { status, valid, sweep, node, device, startedAt, experimentId, measurements } = record;
  if (status !== 'complete' || !(valid || sweep.purpose === 'control')) return null;
  const logs = WATCHED.map(([metric]) => {
    const entry = measurements[metric];
    if (!isPresent(entry) || entry.value <= 0) return null;
    const { pace } = paceOf(metric);
    const [x, { slopes }] = [readingsOf(record, pace), PRIORS[pace]];
    return Math.log(entry.value) + (x === null ? 0 : dot(x, slopes));
  });
  const place = { node: node.name, device: device.id };
  return { ...place, startedAt, row: experimentId, block: blockOf(record), logs };
}

/**
 * Whether the machine became faster or slower between the blocks of a sweep. Every row and the drift control
 * are measured in several blocks, so a change that they have in common comes from the machine (heat,
 * neighbours, frequency). On a steady machine a drift is reported by accident in DRIFT_RATE of sweeps
 * (Bonferroni over devices and metrics). It is computed from stored records.
 * @returns the clearest drift, or null.
 */
export function driftOf(starts: readonly StartSpeeds[]): Drift | null {
  const devices = groupBy(starts, ({ node, device }) => JSON.stringify([node, device]));
  const found: Drift[] = [];
  let tests = 0;
  for (const group of devices.values()) {
    const order = blocksInOrder(group);
    const { node, device } = group[0]!;
    for (const [m, [metric, label]] of WATCHED.entries()) {
      const fit = blockEffects(
        group.flatMap(({ row, block, logs }) => readingOf(row, block, logs[m] ?? null)),
      );
      if (fit === null) continue;
      tests += 1;
      found.push({ node, device, metric, label, ...furthestOf(order, fit), blocks: order.length, p: fit.p });
    }
  }
  const [clearest] = found
    .map((drift) => ({ ...drift, p: Math.min(1, drift.p * tests) }))
    .filter(({ ratio, p }) => p < DRIFT_RATE && Math.abs(Math.log(ratio)) > Math.log1p(DRIFT_INDIFFERENCE))
    .sort((a, b) => a.p - b.p);
  return clearest ?? null;
}

const readingOf = (row: string, block: string, log: number | null): StartReading[] =>
  log === null ? [] : [{ row, block, log }];

/** Blocks by when their first start began. */
function blocksInOrder(starts: readonly StartSpeeds[]): string[] {
  const begun = new Map<string, string>();
  for (const { block, startedAt } of starts) {
    const known = begun.get(block);
    if (known === undefined || startedAt < known) begun.set(block, startedAt);
  }
  return [...begun].sort(([, a], [, b]) => (a < b ? -1 : Number(a > b))).map(([block]) => block);
}

/**
 * The block that differs most, relative to its number of readings, since a last block with a single row
 * proves little. Of two blocks that differ equally the later one is named.
 */
function furthestOf(order: readonly string[], { effects }: BlockEffects): Pick<Drift, 'block' | 'ratio'> {
  const all = [...effects.values()].reduce((sum, { readings }) => sum + readings, 0);
  const blocks = order.flatMap((key, i) => {
    const found = effects.get(key);
    if (found === undefined) return [];
    const others = all - found.readings;
    // Effects add up to zero over all readings, so the mean of the other blocks has the opposite sign.
    const apart = found.effect * (all / others);
    const errors = Math.abs(apart) * Math.sqrt((found.readings * others) / all);
    return [{ block: i + 1, apart, errors }];
  });
  const furthest = Math.max(...blocks.map(({ errors }) => errors)) - TIE;
  const { block, apart } = blocks.findLast(({ errors }) => errors >= furthest)!;
  return { block, ratio: Math.exp(apart) };
}
