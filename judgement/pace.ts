import type { MetricName } from '../core/metrics/catalogue.js';
import { metricValue, type ResultRecord } from '../core/result/result.js';
import type { Prior, Readings } from '../statistics/weighted-starts.js';

/**
 * What limits a metric, and therefore how neighbours affect it: decoding waits for memory and, at each
 * operator, for all threads; prefill computes. `plain` is everything else, for which the effect of neighbours
 * has not been measured.
 */
export type Pace = 'decode' | 'prefill' | 'plain';

/**
 * How much the effect of readings differs between machines: the standard deviation of the common factor, as a
 * share.
 */
const EXPLAINED_SD = 0.5;

/**
 * Priors from runs of one machine (2 CPUs of a guest, a model of 15 M parameters): decision 0061. Readings
 * are those of `readingsOf`.
 */
export const PRIORS: Readonly<Record<Pace, Prior>> = {
  decode: {
    slopes: [0.8, 0.21, 1],
    slopesSd: [0.4, 0.12, 0.08],
    explainedSd: EXPLAINED_SD,
    rowSlopesSd: [0.25, 0.07, 0.05],
    spread: 0.07,
    spreadSlopes: [0.35, 0.1, 0.12],
    sitting: 0.02,
  },
  prefill: {
    slopes: [0.6, 0.13, 0.85],
    slopesSd: [0.4, 0.12, 0.25],
    explainedSd: EXPLAINED_SD,
    rowSlopesSd: [0.25, 0.07, 0.15],
    spread: 0.045,
    spreadSlopes: [0.35, 0.1, 0.5],
    sitting: 0.01,
  },
  plain: {
    slopes: [0, 0, 0],
    slopesSd: [1, 1, 1],
    explainedSd: 0,
    rowSlopesSd: [0, 0, 0],
    spread: 0.045,
    spreadSlopes: [0, 0, 0],
    sitting: 0.01,
  },
};

export const LEADS: Readonly<Record<Exclude<Pace, 'plain'>, MetricName>> = {
  decode: 'decodeTokensPerSecond',
  prefill: 'prefillTokensPerSecond',
};

/**
 * @returns the metric whose starts determine slopes and weights for all metrics of a pace; each plain metric
 *   stands for itself.
 */
export const leadOf = (metric: string, pace: Pace): string => (pace === 'plain' ? metric : LEADS[pace]);

export type Token = 'mean' | 'middle';

export interface Paced {
  readonly pace: Pace;
  /** 1 if neighbours lower it (rates), −1 if they raise it (times). */
  readonly sign: 1 | -1;
  /** Added before the logarithm is taken: 1 for a metric that is a ratio minus one. */
  readonly offset: 0 | 1;
  /**
   * For decoding: whether the metric depends on the mean time of a token or on the median. A few slow tokens
   * change the mean, but not the median.
   */
  readonly token: Token;
}

const rate = (pace: Pace): Paced => ({ pace, sign: 1, offset: 0, token: 'mean' });
const time = (pace: Pace): Paced => ({ ...rate(pace), sign: -1 });
/** A metric that is predicted over measured time, minus one. */
const prediction = (pace: Pace): Paced => ({ ...rate(pace), offset: 1 });
const PLAIN = rate('plain');

const PACED: Readonly<Partial<Record<MetricName, Paced>>> = {
  decodeTokensPerSecond: rate('decode'),
  timePerOutputTokenSeconds: time('decode'),
  interTokenLatencyP50Seconds: { ...time('decode'), token: 'middle' },
  interTokenLatencyP90Seconds: time('decode'),
  interTokenLatencyP95Seconds: time('decode'),
  interTokenLatencyP99Seconds: time('decode'),
  decodeModelFlopsUtilizationRatio: rate('decode'),
  decodeModelBandwidthUtilizationRatio: rate('decode'),
  decodeRoofRatio: rate('decode'),
  decodePredictionErrorRatio: prediction('decode'),
  // These cover prompt and answer together, and decoding takes most of that time.
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

/** Metrics that describe neighbours, and their effect on single tokens. */
export const READING_METRICS = [
  'coreShareRatio',
  'coreLatencyRatio',
  'foreignCores',
  'processCores',
  'systemBusyRatio',
  'stealRatio',
  'timePerOutputTokenSeconds',
  'interTokenLatencyP10Seconds',
  'interTokenLatencyP50Seconds',
] as const satisfies readonly MetricName[];

const readOf = (record: ResultRecord, metric: (typeof READING_METRICS)[number]): number =>
  metricValue(record, metric) ?? 0;

/**
 * CPU use of the system itself on a machine without neighbours, as a share of its CPU time and in CPUs.
 */
const IDLE_SHARE = 0.015;
const IDLE_CPUS = 0.03;
/**
 * If others take at least this share of CPU time, slow tokens are attributed to them; below it, tokens differ
 * for reasons of the model.
 */
const LEAST_SHARE = 0.05;
/**
 * The time that a system lets a process run before it switches to another (about 3 ms on Linux). A shorter
 * token often finishes between two turns of other processes, however much CPU they take; a longer one never
 * does.
 */
const TURN_SECONDS = 0.003;
/**
 * Upper limit of the share that others take of the most loaded CPU. Beyond it, work slows down by less than
 * readings suggest.
 */
const MOST_TAKEN = 0.85;
/**
 * How much longer the mean and the median token take than the fastest tenth on a calm machine, as logarithms.
 */
const CALM_TAIL = { mean: 0.12, middle: 0.1 } as const;

/** Whether the fastest tenth of tokens shows how long tokens take without interruption. */
function tellsAlone(record: ResultRecord): boolean {
  const low = metricValue(record, 'interTokenLatencyP10Seconds');
  return low !== null && low < TURN_SECONDS;
}

/**
 * The readings of neighbours beside a start, 0 = alone. They are the share of its cores that the start did
 * not have, the logarithm of the ratio of core-to-core latencies, and what other processes and the hypervisor
 * took. Threads wait for each other, so work is as fast as the most loaded CPU. For prefill the third reading
 * is therefore the logarithm of how much longer that CPU takes for its part. A token of decode is short, and
 * a process that takes half of a CPU stops some tokens but not others, so for decode the third reading is how
 * much slower tokens were than the fastest tenth. If tokens take as long as a turn of the other processes,
 * the share of CPU time counts as well: half of the amount by which it is larger.
 * @returns null if the cores were not read (a GPU, a server), because what others do to a CPU then says
 *   nothing about the trial.
 */
export function readingsOf(record: ResultRecord, pace: Pace, token: Token = 'mean'): Readings | null {
  const lost = metricValue(record, 'coreShareRatio');
  if (lost === null || pace === 'plain') return null;
  const latency = Math.log(Math.max(1, metricValue(record, 'coreLatencyRatio') ?? 1));
  const { share, cpus } = takenOf(record);
  const third =
    pace === 'prefill'
      ? -Math.log(1 - Math.min(MOST_TAKEN, cpus))
      : share > LEAST_SHARE
        ? slowerTokens(record, token, share)
        : 0;
  return [Math.max(0, 1 - lost), latency, third];
}

/** The CPU time that other processes and the hypervisor took during a start. */
interface Taken {
  /** Of the CPU time of the node. */
  readonly share: number;
  /**
   * The number of CPUs that the trial's threads need; other processes may use the rest without affecting it.
   */
  readonly cpus: number;
}

function takenOf(record: ResultRecord): Taken {
  const [foreign, steal] = [readOf(record, 'foreignCores'), readOf(record, 'stealRatio')];
  const others = othersShare(foreign, readOf(record, 'processCores'), readOf(record, 'systemBusyRatio'));
  const { threads } = record.environment;
  const free = typeof threads === 'number' ? Math.max(0, record.node.cores - threads) : 0;
  return {
    share: Math.max(0, others + steal - IDLE_SHARE),
    cpus: Math.max(0, foreign - IDLE_CPUS - free) + steal,
  };
}

/**
 * @returns how much slower tokens were than without neighbours, as a logarithm.
 * @param share of the CPU time that others took.
 */
function slowerTokens(record: ResultRecord, token: Token, share: number): number {
  const [low, middle] = [
    readOf(record, 'interTokenLatencyP10Seconds'),
    readOf(record, 'interTokenLatencyP50Seconds'),
  ];
  const seconds = token === 'middle' ? middle : readOf(record, 'timePerOutputTokenSeconds');
  const tail = seconds > 0 && low > 0 ? Math.max(0, Math.log(seconds / low) - CALM_TAIL[token]) : 0;
  return token === 'middle' || tellsAlone(record) ? tail : Math.max(tail, (tail + share) / 2);
}

/**
 * A process that takes more than this share of a CPU would use all of it. At each operator the trial's
 * threads then wait for the thread that does not run, for as long as the system lets the other process run.
 * On two CPUs, with the same readings, prefill took 5 to 8 times as long and decode 5 to 30 times. Readings
 * do not show that size, so it is an additional error, as a logarithm for each whole CPU above the threshold.
 * `told` is the largest error if prefill's reading or uninterrupted tokens show the size (up to one CPU), and
 * `most` is the largest factor that was ever observed.
 */
const WHOLE_CPU = {
  from: 0.7,
  decode: 5,
  prefill: 2.5,
  told: { decode: 0.25, prefill: 0.3 },
  most: Math.log(30),
} as const;

/**
 * @returns the standard error, as a logarithm, from other processes that took a whole CPU during the start; 0
 *   if there were none.
 */
export function beyondReadings(record: ResultRecord, pace: 'decode' | 'prefill'): number {
  if (metricValue(record, 'coreShareRatio') === null) return 0;
  const { cpus } = takenOf(record);
  const told = pace === 'decode' ? tellsAlone(record) : cpus <= 1;
  return Math.min(
    told ? WHOLE_CPU.told[pace] : WHOLE_CPU.most,
    WHOLE_CPU[pace] * Math.max(0, cpus - WHOLE_CPU.from),
  );
}

/** The share of the busy CPU time that was not the trial's. */
const othersShare = (foreign: number, process: number, busy: number) =>
  foreign === 0 ? 0 : (busy * foreign) / (foreign + process);
