import type { MetricName } from '../core/metrics/catalogue.js';
import { metricValue, type ResultRecord } from '../core/result/result.js';
import type { Prior, Readings } from '../statistics/weighted-starts.js';

/**
 * What a metric's time goes into, and so what neighbours take of it: decoding waits for memory and for all
 * threads at each operator, prefill computes. `plain` is all else: nobody has measured what neighbours take
 * of it.
 */
export type Pace = 'decode' | 'prefill' | 'plain';

/** How much of what readings say here may count for more or less on another machine, as a share. */
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
 * @returns the metric whose starts tell slopes and weights for all of a pace; plain metrics have nothing in
 *   common.
 */
export const leadOf = (metric: string, pace: Pace): string => (pace === 'plain' ? metric : LEADS[pace]);

export type Token = 'mean' | 'middle';

export interface Paced {
  readonly pace: Pace;
  /** 1 where neighbours lower it (rates), −1 where they raise it (times). */
  readonly sign: 1 | -1;
  /** Added before the logarithm is taken: 1 for a ratio less one. */
  readonly offset: 0 | 1;
  /**
   * Of decoding: the time of a token that it goes by. Some slow tokens move the mean and not the middle one.
   */
  readonly token: Token;
}

const rate = (pace: Pace): Paced => ({ pace, sign: 1, offset: 0, token: 'mean' });
const time = (pace: Pace): Paced => ({ ...rate(pace), sign: -1 });
/** Predicted over measured time, less one. */
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
  'interTokenLatencyP10Seconds',
  'interTokenLatencyP50Seconds',
] as const satisfies readonly MetricName[];

const readOf = (record: ResultRecord, metric: (typeof READING_METRICS)[number]): number =>
  metricValue(record, metric) ?? 0;

/**
 * What a machine does beside a trial that has it to itself, as a share of its CPU time and in CPUs: the
 * system's own work.
 */
const IDLE_SHARE = 0.015;
const IDLE_CPUS = 0.03;
/** Share of the CPU time of others from which slow tokens are theirs; below, a model's own tokens differ. */
const LEAST_SHARE = 0.05;
/**
 * Systems let a process run for so long before it is another's turn (Linux: about 3 ms): a shorter token
 * often runs between two turns of the others, however much these take, and a longer one never does.
 */
const TURN_SECONDS = 0.003;
/** Of the CPU that is taken most, as far as readings tell: by more than this, work becomes slower by less. */
const MOST_TAKEN = 0.85;
/**
 * By what the mean and the middle token of a calm machine take longer than those of the lowest tenth, as
 * logarithms.
 */
const CALM_TAIL = { mean: 0.12, middle: 0.1 } as const;

/** Whether the lowest tenth of tokens tells what tokens take that nobody stopped. */
function tellsAlone(record: ResultRecord): boolean {
  const low = metricValue(record, 'interTokenLatencyP10Seconds');
  return low !== null && low < TURN_SECONDS;
}

/**
 * What was read of neighbours beside a start, 0 = alone: the share of its cores that it did not have; the
 * logarithm of the ratio of core-to-core latencies; and what others' processes and the hypervisor took.
 * Threads wait for each other, so work goes as fast as the CPU that is taken most: for prefill the third is
 * the logarithm of how much longer that CPU takes for its part. A token of decode is short, and who takes
 * half of a CPU stops some tokens and leaves the others alone: how much slower tokens were than the lowest
 * tenth says more. Where tokens are as long as a turn of the others, the share of CPU time counts as far as
 * it is larger, by half.
 * @returns null where nobody asked the cores (a GPU, a server): what others do to a CPU says nothing of it
 *   then.
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

/** What others' processes and the hypervisor took beside a start. */
interface Taken {
  /** Of the CPU time of the node. */
  readonly share: number;
  /** CPUs that the trial's threads would have run on: those beyond them are the others' to have. */
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
 * @returns by how much tokens were slower than they are alone, as a logarithm.
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
 * Who takes more than this of a CPU wants all of it: at each operator the trial's threads wait for the one
 * that does not run, for as long as the system lets others run. On two CPUs prefill took 5 to 8 times as
 * long, decode 5 to 30 times, by the same readings. So there is an error beside what was read, as a logarithm
 * for each whole CPU above; `told` is the most where prefill's reading or tokens that nobody stopped tell the
 * size (up to one CPU), `most` the largest factor that was ever met.
 */
const WHOLE_CPU = {
  from: 0.7,
  decode: 5,
  prefill: 2.5,
  told: { decode: 0.25, prefill: 0.3 },
  most: Math.log(30),
} as const;

/**
 * @returns the standard error, as a logarithm, of what others who took a whole CPU did to the start; 0 where
 *   nobody did.
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

/** Of the time that CPUs were busy, the part that was not the trial's. */
const othersShare = (foreign: number, process: number, busy: number) =>
  foreign === 0 ? 0 : (busy * foreign) / (foreign + process);
