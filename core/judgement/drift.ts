import { isPresent, type ResultRecord } from '../result/result.js';
import { blockEffects, type StartReading } from '../statistics/blocks.js';
import { blockOf } from './block.js';

/** Difference of blocks below which nothing is said, whatever its p value. */
const DRIFT_INDIFFERENCE = 0.02;
/** Share of sweeps on a steady machine that are told of a drift. */
const DRIFT_RATE = 0.05;

/** Effects that differ by less are equal. */
const TIE = 1e-9;

/** Metrics that tell how fast a machine is, with what each is called in a sentence. */
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
  /** Chance of this much on a steady machine, multiplied by how many devices and metrics were looked at. */
  readonly p: number;
}

/**
 * Whether the machine became faster or slower between the blocks of a sweep. Every row and the drift control are measured in several
 * blocks: what all of them do alike is the machine's (heat, neighbours, frequency). A steady machine is accused in DRIFT_RATE of
 * sweeps (Bonferroni over devices and metrics). A projection over stored records.
 * @param options.indifference difference of blocks below which nothing is said, as a share. Default DRIFT_INDIFFERENCE.
 * @returns the clearest one, or null.
 */
export function driftOf(
  records: readonly ResultRecord[],
  { indifference = DRIFT_INDIFFERENCE }: { readonly indifference?: number } = {},
): Drift | null {
  const counted = records.filter(
    (r) => r.status === 'complete' && (r.valid || r.sweep.purpose === 'control'),
  );
  const devices = new Map<string, ResultRecord[]>();
  for (const record of counted) {
    const key = JSON.stringify([record.node.name, record.device.id]);
    devices.set(key, [...(devices.get(key) ?? []), record]);
  }
  const found: Drift[] = [];
  let tests = 0;
  for (const group of devices.values()) {
    const order = [...new Set([...group].sort(byStart).map(blockOf))];
    for (const [metric, label] of WATCHED) {
      const fit = blockEffects(group.flatMap((record) => readingOf(record, metric) ?? []));
      if (fit === null) continue;
      tests += 1;
      const all = [...fit.effects.values()].reduce((sum, { readings }) => sum + readings, 0);
      const effects = order.flatMap((key, i) => {
        const found = fit.effects.get(key);
        if (found === undefined) return [];
        const others = all - found.readings;
        // Effects add up to nothing over all readings, so the others' mean lies on the other side.
        const apart = found.effect * (all / others);
        return [
          { block: i + 1, apart, errors: Math.abs(apart) * Math.sqrt((found.readings * others) / all) },
        ];
      });
      // The one that lies furthest off for how many readings say so: a last block of a single row proves little. Of two that are as
      // far from each other the later one is named.
      const furthest = Math.max(...effects.map(({ errors }) => errors)) - TIE;
      const { block, apart } = effects.findLast(({ errors }) => errors >= furthest)!;
      const ratio = Math.exp(apart);
      const { node, device } = group[0]!;
      const place = { node: node.name, device: device.id, metric, label };
      found.push({ ...place, block, blocks: order.length, ratio, p: fit.p });
    }
  }
  const [clearest] = found
    .map((drift) => ({ ...drift, p: Math.min(1, drift.p * tests) }))
    .filter(({ ratio, p }) => p < DRIFT_RATE && Math.abs(Math.log(ratio)) > Math.log1p(indifference))
    .sort((a, b) => a.p - b.p);
  return clearest ?? null;
}

function readingOf(record: ResultRecord, metric: string): StartReading | null {
  const entry = record.measurements[metric];
  if (!isPresent(entry) || entry.value <= 0) return null;
  return { row: record.experimentId, block: blockOf(record), log: Math.log(entry.value) };
}

const byStart = (a: ResultRecord, b: ResultRecord) =>
  a.startedAt < b.startedAt ? -1 : Number(a.startedAt > b.startedAt);
