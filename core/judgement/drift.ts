import type { ResultRecord } from '../result/result.js';
import { type Warning, warn } from '../result/warnings.js';
import { compare } from '../statistics/compare.js';
import { repeatSamples } from './trials.js';

/** Change of the drift control below which nothing is said, whatever its p value. */
export const DRIFT_INDIFFERENCE = 0.02;

const WATCHED = [
  ['prefillTokensPerSecond', 'prefill'],
  ['decodeTokensPerSecond', 'decode'],
  ['trainTokensPerSecond', 'train'],
  ['achievedFlopsPerSecond', 'op'],
] as const;

/**
 * @returns a key of the records that were measured between the same two controls: one device of one node, one block of one
 * sweep.
 */
export function blockOf({ node, device, sweep }: ResultRecord): string {
  return JSON.stringify([sweep.id, node.name, device.id, sweep.block]);
}

/**
 * Compares, block by block, the last run of the drift control with the first. The control is the same
 * experiment, so any difference is the machine's (heat, neighbours, frequency), and it hit everything in
 * between. A projection over stored records: the log itself is never changed.
 * @returns the warnings to show with each trial, by trial id; trials without any are not in it.
 */
export function driftOf(records: readonly ResultRecord[]): Map<string, Warning[]> {
  const blocks = groupByBlock(records);
  const found = new Map<string, Warning[]>();
  for (const block of blocks.values()) {
    const controls = block
      .filter((r) => r.sweep.purpose === 'control' && r.status === 'complete')
      .sort((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
    const [first, last] = [controls[0], controls.at(-1)];
    if (first === undefined || last === undefined || first === last) continue;
    const warnings = driftBetween(first, last);
    if (warnings.length === 0) continue;
    for (const record of block) found.set(record.trialId, warnings);
  }
  return found;
}

function groupByBlock(records: readonly ResultRecord[]): Map<string, ResultRecord[]> {
  const blocks = new Map<string, ResultRecord[]>();
  for (const record of records) {
    const key = blockOf(record);
    const block = blocks.get(key);
    if (block === undefined) blocks.set(key, [record]);
    else block.push(record);
  }
  return blocks;
}

/** Warnings for a control that ran differently at the end than at the start. */
export function driftBetween(first: ResultRecord, last: ResultRecord): Warning[] {
  return WATCHED.flatMap(([metric, label]) => {
    const samples = (record: ResultRecord) => repeatSamples([record], metric);
    const { verdict, ratio, interval } = compare(samples(first), samples(last), {
      indifference: DRIFT_INDIFFERENCE,
    });
    if ((verdict !== 'faster' && verdict !== 'slower') || ratio === null || interval === null) return [];
    const percent = (r: number) => `${r >= 1 ? '+' : '−'}${(Math.abs(r - 1) * 100).toFixed(1)} %`;
    return [
      warn(
        'drift',
        `the drift control's ${label} t/s changed by ${percent(ratio)} from the start of the block to its end (95 % interval ${percent(interval[0])} to ${percent(interval[1])})`,
      ),
    ];
  });
}
