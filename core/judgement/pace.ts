import type { MetricName } from '../metrics/catalogue.js';
import { metricValue, type ResultRecord } from '../result/result.js';
import type { Prior, Readings } from '../statistics/joint-fit.js';

/**
 * What a metric's time goes into, and so what neighbours take of it: decoding waits for memory and for all threads at each
 * operator, prefill computes. `plain` is all else: nobody has measured what neighbours take of it.
 */
export type Pace = 'decode' | 'prefill' | 'plain';

/**
 * Priors from runs of one machine (2 CPUs of a guest, a model of 15 M parameters): decision 0061. Readings are those of `readingsOf`.
 */
export const PRIORS: Readonly<Record<Pace, Prior>> = {
  decode: {
    slopes: [0.8, 0.21, 1],
    slopesSd: [0.4, 0.12, 0.2],
    rowSlopesSd: [0.25, 0.07, 0.1],
    spread: 0.07,
    spreadSlopes: [0.35, 0.1, 0.3],
    sitting: 0.02,
  },
  prefill: {
    slopes: [0.6, 0.13, 2.5],
    slopesSd: [0.4, 0.12, 1],
    rowSlopesSd: [0.25, 0.07, 0.8],
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
  /** Whether the third reading moves it: some slow tokens do not move the middle one. */
  readonly ofAllTokens: boolean;
}

const rate = (pace: Pace): Paced => ({ pace, sign: 1, offset: 0, ofAllTokens: true });
const time = (pace: Pace): Paced => ({ ...rate(pace), sign: -1 });
/** Predicted over measured time, less one. */
const prediction = (pace: Pace): Paced => ({ ...rate(pace), offset: 1 });
const PLAIN = rate('plain');

const PACED: Readonly<Partial<Record<MetricName, Paced>>> = {
  decodeTokensPerSecond: rate('decode'),
  timePerOutputTokenSeconds: time('decode'),
  interTokenLatencyP50Seconds: { ...time('decode'), ofAllTokens: false },
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

/** What is read of neighbours, and of what they do to single tokens. */
export const READING_METRICS = [
  'coreShareRatio',
  'coreLatencyRatio',
  'foreignCores',
  'processCores',
  'systemBusyRatio',
  'stealRatio',
  'timePerOutputTokenSeconds',
  'interTokenLatencyP50Seconds',
] as const satisfies readonly MetricName[];

/** What a machine does beside a trial that has it to itself, as a share of its CPU time: the system's own work. */
const IDLE_SHARE = 0.015;
/** Share of the CPU time of others from which slow tokens are theirs; below, a model's own tokens differ. */
const LEAST_SHARE = 0.05;
/** By what tokens take longer in the mean than the middle one on a calm machine, as a logarithm. */
const CALM_TAIL = 0.02;

/**
 * What was read of neighbours beside a start, 0 = alone: the share of its cores that it did not have; the logarithm of the ratio of
 * core-to-core latencies; and what others' processes and the hypervisor took. For prefill that is their share of the node's CPU time. A token of
 * decode is short, and who takes half of a CPU stops some tokens and leaves the others alone: how much slower the mean token was than the
 * middle one says more of it than the share, which counts only as far as it is larger, and then by half.
 * @returns null where nobody asked the cores (a GPU, a server, an older release): what others do to a CPU says nothing of it then.
 */
export function readingsOf(record: ResultRecord, pace: Pace): Readings | null {
  const lost = metricValue(record, 'coreShareRatio');
  if (lost === null || pace === 'plain') return null;
  const read = (metric: (typeof READING_METRICS)[number]) => metricValue(record, metric) ?? 0;
  const others = othersShare(read('foreignCores'), read('processCores'), read('systemBusyRatio'));
  const share = Math.max(0, others + read('stealRatio') - IDLE_SHARE);
  const latency = Math.log(Math.max(1, read('coreLatencyRatio')));
  if (pace === 'prefill') return [Math.max(0, 1 - lost), latency, share];
  const [mean, middle] = [read('timePerOutputTokenSeconds'), read('interTokenLatencyP50Seconds')];
  const tail = mean > 0 && middle > 0 ? Math.max(0, Math.log(mean / middle) - CALM_TAIL) : 0;
  return [Math.max(0, 1 - lost), latency, share > LEAST_SHARE ? Math.max(tail, (tail + share) / 2) : 0];
}

/**
 * From this share on others have a whole CPU that the trial's threads want: at each operator these wait for the one that does not run, for as
 * long as the system lets others run. On two CPUs prefill took 5 to 8 times as long, decode 5 to 30 times, by the same readings: how
 * much slower that is, nothing tells. A tenth of a share above it is an error of a factor of e, and no error is larger than the factor that was
 * ever met.
 */
const WHOLE_CPU = { from: 0.35, error: 10, most: Math.log(30) } as const;

/**
 * @param prefill readings of a start for prefill, the third of which is the share itself.
 * @returns the standard error, as a logarithm, of what others who took a whole CPU did to the start; 0 where nobody did.
 */
export function beyondReadings(prefill: Readings | null): number {
  if (prefill === null) return 0;
  return Math.min(WHOLE_CPU.most, WHOLE_CPU.error * Math.max(0, prefill[2] - WHOLE_CPU.from));
}

/** Of the time that CPUs were busy, the part that was not the trial's. */
const othersShare = (foreign: number, process: number, busy: number) =>
  foreign === 0 ? 0 : (busy * foreign) / (foreign + process);
