import { nearest } from '../core/input/suggest.js';
import { METRIC_NAMES, METRICS, type MetricName, metricMeant, metricsOf } from '../core/metrics/catalogue.js';

/**
 * What EfficientLLM (arXiv 2505.13840, section 3) compares techniques by, in its order, and the paper's word
 * for each. docs/measuring.md says where ours differ from its tables.
 */
export const EFFICIENT_LLM = {
  averageMemoryBytes: 'AMU',
  averageUtilizationRatio: 'PCU',
  averageLatencySeconds: 'AL',
  outputTokensPerSecond: 'IT',
  averagePowerWatts: 'AEC',
  modelCompressionRate: 'MCR',
} as const satisfies Partial<Record<MetricName, string>>;

/** What those words stand for, for a line below a table that has them as headings. */
const MEANINGS: Readonly<Record<string, string>> = {
  averageMemoryBytes: 'mean memory in use',
  averageUtilizationRatio: 'mean utilization',
  averageLatencySeconds: 'mean time of a repeat',
  outputTokensPerSecond: 'output tokens over all time',
  averagePowerWatts: 'mean power',
  modelCompressionRate: 'compression times what is kept of the performance',
};

/** Sets of columns a reader can ask for by name; `default` and `all` depend on what was measured. */
const SETS = {
  efficientllm: Object.keys(EFFICIENT_LLM),
  quality: [
    'perplexity',
    'perplexityRatio',
    'klDivergenceNats',
    'klDivergenceP99Nats',
    'topAgreementRatio',
    'taskScoreRatio',
    'taskRetentionRatio',
  ],
  speed: [
    'prefillTokensPerSecond',
    'decodeTokensPerSecond',
    'outputTokensPerSecond',
    'timeToFirstTokenSeconds',
    'interTokenLatencyP50Seconds',
    'interTokenLatencyP99Seconds',
  ],
  size: [
    'modelBytes',
    'bitsPerWeight',
    'compressionRatio',
    'weightSparsityRatio',
    'kvCacheBytes',
    'averageMemoryBytes',
    'peakResidentBytes',
    'makeSeconds',
  ],
  serving: [
    'requestsPerSecond',
    'goodputRequestsPerSecond',
    'failedRequestsRatio',
    'systemTokensPerSecond',
    'userTokensPerSecond',
    'scheduledTimeToFirstTokenP50Seconds',
    'scheduledTimeToFirstTokenP90Seconds',
    'scheduledTimeToFirstTokenP99Seconds',
    'serviceTimeToFirstTokenP99Seconds',
    'requestTimePerOutputTokenP50Seconds',
    'requestTimePerOutputTokenP99Seconds',
    'scheduledLatencyP50Seconds',
    'scheduledLatencyP99Seconds',
    'meanQueuedRequests',
    'kvCacheUsageRatio',
    'prefixCacheHitRatio',
    'acceptanceLength',
    'steadySeconds',
    'serverStartSeconds',
    'generatorLagP99Seconds',
  ],
  drafts: [
    'decodeTokensPerSecond',
    'acceptanceLength',
    'draftAcceptanceRatio',
    'draftPlace1AcceptanceRatio',
    'draftPlace2AcceptanceRatio',
    'draftPlace4AcceptanceRatio',
    'draftPlace8AcceptanceRatio',
    'draftStepSeconds',
    'verifyStepSeconds',
    'energyPerOutputTokenJoules',
    'energyPerAcceptedDraftTokenJoules',
  ],
  kernels: [
    'kernelSeconds',
    'achievedBytesPerSecond',
    'achievedFlopsPerSecond',
    'kernelRoofRatio',
    'energyPerCallJoules',
  ],
  inference: [
    'itemsPerSecond',
    'inferenceP50Seconds',
    'inferenceP99Seconds',
    'inferenceRoofRatio',
    'energyPerItemJoules',
    'peakResidentBytes',
    'modelBytes',
  ],
  graphs: metricsOf('graph'),
  roofline: [
    'prefillRoofRatio',
    'decodeRoofRatio',
    'servingRoofRatio',
    'forwardRoofRatio',
    'backwardRoofRatio',
    'inferenceRoofRatio',
    'kernelRoofRatio',
    'prefillModelFlopsUtilizationRatio',
    'decodeModelBandwidthUtilizationRatio',
    'servingModelBandwidthUtilizationRatio',
    'decodePredictionErrorRatio',
  ],
  energy: [
    'energyPerOutputTokenJoules',
    'energyPerTotalTokenJoules',
    'energyNetPerOutputTokenJoules',
    'prefillEnergyPerTokenJoules',
    'decodeEnergyPerTokenJoules',
    'tokensPerJoule',
    'totalTokensPerJoule',
    'energyJoules',
    'energyNetJoules',
    'prefillEnergyJoules',
    'decodeEnergyJoules',
    'energyDelayProductJouleSeconds',
    'averagePowerWatts',
    'idlePowerWatts',
    'carbonPerOutputTokenGrams',
    'carbonGrams',
    'energyPerAcceptedDraftTokenJoules',
    'energyIntegralJoules',
    'energyIntegralDifferenceRatio',
  ],
} as const satisfies Record<string, readonly string[]>;

export const QUALITY: ReadonlySet<string> = new Set(SETS.quality);
export const ENERGY: ReadonlySet<string> = new Set(SETS.energy);

export type ColumnSet = keyof typeof SETS | 'default' | 'all';
export const COLUMN_SETS: readonly ColumnSet[] = [
  'default',
  ...(Object.keys(SETS) as (keyof typeof SETS)[]),
  'all',
];

/** What was asked for: names of metrics, and `default` and `all` as they are. */
export type ColumnChoice = readonly string[];

/** @returns the columns that words such as `efficientllm,perplexity` ask for, or what is wrong with them. */
export function readColumns(
  text: string,
): { ok: true; columns: ColumnChoice } | { ok: false; message: string; suggestion: string | null } {
  const columns: string[] = [];
  for (const name of text.split(',').map((part) => part.trim())) {
    if (name === 'default' || name === 'all') columns.push(name);
    else if (Object.hasOwn(SETS, name)) columns.push(...SETS[name as keyof typeof SETS]);
    else if (metricMeant(name) !== undefined) columns.push(metricMeant(name)!.name);
    else {
      const message = `there is no column ${JSON.stringify(name)}: name metrics, or a set (${COLUMN_SETS.join(', ')})`;
      return { ok: false, message, suggestion: nearest(name, [...COLUMN_SETS, ...METRIC_NAMES]) };
    }
  }
  return { ok: true, columns: [...new Set(columns)] };
}

/**
 * @returns metrics of the choice in its order, and those it holds by name: they are columns even when empty.
 */
export function chosenMetrics(choice: ColumnChoice, byDefault: readonly string[]): Set<string> {
  const all = METRICS.map((m) => m.name as string);
  return new Set(choice.flatMap((name) => (name === 'default' ? byDefault : name === 'all' ? all : [name])));
}

/**
 * @returns `AMU mean memory in use` for a heading that is an abbreviation of the paper's; null for others.
 */
export function headingMeaning(metric: string): string | null {
  const name = (EFFICIENT_LLM as Readonly<Record<string, string>>)[metric];
  return name === undefined ? null : `${name} ${MEANINGS[metric]}`;
}
