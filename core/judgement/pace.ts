import type { MetricName } from '../metrics/catalogue.js';
import { metricValue, type ResultRecord } from '../result/result.js';
import type { Prior, Readings } from '../statistics/joint-fit.js';

/**
 * What a metric's time goes into, and so what neighbours take of it: decoding waits for memory and for all threads at each
 * operator, prefill computes. `plain` is all else: nobody has measured what neighbours take of it.
 */
export type Pace = 'decode' | 'prefill' | 'plain';

/**
 * Priors from four runs of one machine (2 CPUs of a guest, a model of 15 M parameters), held out against a fifth: decision 0061.
 * The third reading is a share of all CPUs.
 */
export const PRIORS: Readonly<Record<Pace, Prior>> = {
  decode: {
    slopes: [0.8, 0.21, 2],
    slopesSd: [0.4, 0.12, 2],
    rowSlopesSd: [0.25, 0.07, 1.6],
    spread: 0.07,
    spreadSlopes: [0.35, 0.1, 3],
    sitting: 0.02,
  },
  prefill: {
    slopes: [0.6, 0.13, 2],
    slopesSd: [0.4, 0.12, 2],
    rowSlopesSd: [0.25, 0.07, 1.6],
    spread: 0.045,
    spreadSlopes: [0.35, 0.1, 3],
    sitting: 0.01,
  },
  plain: {
    slopes: [0, 0, 0],
    slopesSd: [1, 1, 1],
    rowSlopesSd: [0, 0, 0],
    spread: 0.045,
    spreadSlopes: [0, 0, 0],
    sitting: 0.01,
  },
};

const LEADS: Readonly<Record<Exclude<Pace, 'plain'>, MetricName>> = {
  decode: 'decodeTokensPerSecond',
  prefill: 'prefillTokensPerSecond',
};

/** @returns the metric whose starts tell slopes and weights for all of a pace; plain metrics have nothing in common. */
export const leadOf = (metric: string, pace: Pace): string => (pace === 'plain' ? metric : LEADS[pace]);

export interface Paced {
  readonly pace: Pace;
  /** 1 where neighbours lower it (rates), −1 where they raise it (times). */
  readonly sign: 1 | -1;
  /** Added before the logarithm is taken: 1 for a ratio less one. */
  readonly offset: 0 | 1;
}

const rate = (pace: Pace): Paced => ({ pace, sign: 1, offset: 0 });
const time = (pace: Pace): Paced => ({ pace, sign: -1, offset: 0 });
/** Predicted over measured time, less one. */
const prediction = (pace: Pace): Paced => ({ pace, sign: 1, offset: 1 });
const PLAIN = rate('plain');

const PACED: Readonly<Partial<Record<MetricName, Paced>>> = {
  decodeTokensPerSecond: rate('decode'),
  timePerOutputTokenSeconds: time('decode'),
  interTokenLatencyP50Seconds: time('decode'),
  interTokenLatencyP90Seconds: time('decode'),
  interTokenLatencyP95Seconds: time('decode'),
  interTokenLatencyP99Seconds: time('decode'),
  decodeModelFlopsUtilizationRatio: rate('decode'),
  decodeModelBandwidthUtilizationRatio: rate('decode'),
  decodeRoofRatio: rate('decode'),
  decodePredictionErrorRatio: prediction('decode'),
  // Prompt and answer together, of which decoding is most.
  outputTokensPerSecond: rate('decode'),
  averageLatencySeconds: time('decode'),
  prefillTokensPerSecond: rate('prefill'),
  timeToFirstTokenSeconds: time('prefill'),
  prefillModelFlopsUtilizationRatio: rate('prefill'),
  prefillRoofRatio: rate('prefill'),
  prefillPredictionErrorRatio: prediction('prefill'),
};

/** The metrics that neighbours' readings adjust. */
export const PACED_METRICS = Object.keys(PACED) as MetricName[];
export const isPaced = (metric: string): boolean => metric in PACED;

/** @returns what neighbours do to a metric. */
export function paceOf(metric: string): Paced {
  return PACED[metric as MetricName] ?? PLAIN;
}

/** What is read of neighbours. */
export const READING_METRICS = [
  'coreShareRatio',
  'coreLatencyRatio',
  'foreignCores',
  'processCores',
  'systemBusyRatio',
  'stealRatio',
] as const satisfies readonly MetricName[];

/** What a machine does beside a trial that has it to itself, as a share of its CPU time: the system's own work. */
const IDLE_SHARE = 0.015;

/**
 * What was read of neighbours beside a start, 0 = alone: the share of its cores that it did not have, the logarithm of the ratio of
 * core-to-core latencies, and the share of the node's CPU time that others used or a hypervisor took.
 * @returns null where nobody asked the cores (a GPU, a server, an older release): what others do to a CPU says nothing of it then.
 */
export function readingsOf(record: ResultRecord): Readings | null {
  const share = metricValue(record, 'coreShareRatio');
  if (share === null) return null;
  const read = (metric: (typeof READING_METRICS)[number]) => metricValue(record, metric) ?? 0;
  const [foreign, process] = [read('foreignCores'), read('processCores')];
  // Of the time that CPUs were busy, the part that was not ours.
  const others = foreign === 0 ? 0 : (read('systemBusyRatio') * foreign) / (foreign + process);
  return [
    Math.max(0, 1 - share),
    Math.log(Math.max(1, read('coreLatencyRatio'))),
    Math.max(0, others + read('stealRatio') - IDLE_SHARE),
  ];
}
