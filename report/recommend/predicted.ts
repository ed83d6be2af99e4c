import type { AxisValue, Experiment } from '../../core/experiment/experiment.js';
import type { MetricName } from '../../core/metrics/catalogue.js';
import { meanLength, parseLengths } from '../../core/serving/lengths.js';
import type { RequestRecord } from '../../core/serving/requests.js';
import { requestEntries } from '../../judgement/serving.js';
import { type Candidate, memoryMetric, percentileOf } from './candidate.js';
import { absentFigure, exactFigure, type Figure } from './figure.js';
import type { Quantity } from './quantity.js';

/** What a phase is predicted to take. */
export interface PredictedPhase {
  readonly name: string;
  /** All sequences together. */
  readonly tokens: number;
  readonly seconds: number;
  /**
   * The measured time lies within seconds / ratio and seconds · ratio 95 times of 100; null = nobody looked.
   */
  readonly errorRatio: number | null;
}

/** Requests of a simulated load. */
export interface PredictedRequests {
  readonly requests: readonly RequestRecord[];
  /** As of a phase. */
  readonly errorRatio: number | null;
}

export interface Prediction extends Pick<Candidate, 'number' | 'label' | 'experiment' | 'axes'> {
  /** Of one round; in a clause why nothing is predicted. */
  readonly phases: readonly PredictedPhase[] | string;
  /** What each request meets, where the load was simulated, queues included; null = it was not. */
  readonly simulated: PredictedRequests | null;
  /** Rather too many than too few. */
  readonly memoryBytes: number | null;
}

/**
 * A point that was not measured, with what is predicted of it: rates and times of its phases, and its memory.
 * Of requests whose load was simulated it is what a measured run of them would say. Otherwise the mean of
 * those that a closed loop sends is predicted (Little's law: latency = users / rate), and stands for every
 * percentile. Quality and energy are not predicted.
 */
export function predicted({
  number,
  label,
  experiment,
  axes,
  phases,
  simulated,
  memoryBytes,
}: Prediction): Candidate {
  const times = typeof phases === 'string' ? new Map<string, Figure>() : figuresOf(experiment, phases);
  const entries = simulated === null ? {} : requestEntries(simulated.requests, experiment.workload.options);
  const memory = memoryMetric(experiment);
  return {
    number,
    label,
    experiment,
    axes,
    from: 'predicted',
    starts: 0,
    record: null,
    problem: typeof phases === 'string' ? `not predicted: ${phases}` : null,
    figure(quantity) {
      if (simulated !== null && quantity.kind === 'requests') {
        const { latency, share } = quantity;
        return banded(percentileOf(simulated.requests, latency, share), simulated.errorRatio);
      }
      if (simulated !== null && quantity.kind === 'metric') {
        const value = entries[quantity.metric.name as MetricName]?.value;
        if (value != null) return banded(value, simulated.errorRatio);
      }
      const name = nameOf(quantity, memory);
      if (name === memory)
        return memoryBytes === null ? absentFigure('its memory is not predicted') : exactFigure(memoryBytes);
      return times.get(name) ?? absentFigure('it is not predicted');
    },
  };
}

const LATENCIES = {
  ttft: 'TimeToFirstToken',
  ttfa: '',
  tpot: 'RequestTimePerOutputToken',
  e2e: 'Latency',
} as const;

/** Percentiles are named by what they are of. */
function nameOf(quantity: Quantity, memory: string): string {
  if (quantity.kind === 'memory') return memory;
  if (quantity.kind === 'requests') return LATENCIES[quantity.latency];
  if (quantity.kind !== 'metric') return '';
  const [, of] =
    /^(?:scheduled|service)(TimeToFirstToken|Latency)P\d+Seconds$/.exec(quantity.metric.name) ?? [];
  if (of !== undefined) return of;
  return /^requestTimePerOutputTokenP\d+Seconds$/.test(quantity.metric.name)
    ? LATENCIES.tpot
    : quantity.metric.name;
}

function figuresOf(experiment: Experiment, phases: readonly PredictedPhase[]): Map<string, Figure> {
  const named = new Map(phases.map((phase) => [phase.name, phase]));
  const [prefill, decode, serve] = ['prefill', 'decode', 'serve'].map((name) => named.get(name));
  const figures = new Map<string, Figure>();
  const set = (name: string, value: number, { errorRatio }: PredictedPhase) => {
    figures.set(name, banded(value, errorRatio));
  };
  const { options } = experiment.workload;
  if (serve !== undefined) {
    served(options, { prefill, decode, serve }, set);
    return figures;
  }
  if (prefill !== undefined && prefill.tokens > 0) {
    set('prefillTokensPerSecond', prefill.tokens / prefill.seconds, prefill);
    set('timeToFirstTokenSeconds', prefill.seconds, prefill);
  }
  if (decode !== undefined && decode.tokens > 0) {
    set('decodeTokensPerSecond', decode.tokens / decode.seconds, decode);
    const sequences = Math.max(1, Number(options.parallel ?? 1));
    set('timePerOutputTokenSeconds', (decode.seconds * sequences) / decode.tokens, decode);
    const worst = (prefill?.errorRatio ?? 1) > (decode.errorRatio ?? 1) ? prefill! : decode;
    const latency = decode.seconds + (prefill?.seconds ?? 0);
    set('averageLatencySeconds', latency, worst);
    set('outputTokensPerSecond', decode.tokens / latency, worst);
  }
  return figures;
}

function banded(value: number | null, ratio: number | null): Figure {
  if (value === null) return absentFigure('its requests have none');
  const interval = ratio === null ? null : ([value / ratio, value * ratio] as const);
  const reason = ratio === null ? 'nobody has looked how far predictions lie off here' : null;
  return { value, interval, exact: false, reason };
}

interface ServedPhases {
  readonly prefill: PredictedPhase | undefined;
  readonly decode: PredictedPhase | undefined;
  readonly serve: PredictedPhase;
}

function served(
  { requests, concurrency, inputTokens, outputTokens, arrival }: Readonly<Record<string, AxisValue>>,
  { prefill, decode, serve }: ServedPhases,
  set: (name: string, value: number, by: PredictedPhase) => void,
): void {
  const [count, users] = [Number(requests), Number(concurrency)];
  const [prompt, answer] = [inputTokens, outputTokens].map(lengthOf);
  const perSecond = count / serve.seconds;
  set('requestsPerSecond', perSecond, serve);
  if (answer != null) set('systemTokensPerSecond', perSecond * answer, serve);
  if (prompt != null) set('inputTokensPerSecond', perSecond * prompt, serve);
  if (decode !== undefined) {
    set(LATENCIES.tpot, decode.seconds, decode);
    set('userTokensPerSecond', 1 / decode.seconds, decode);
  }
  if (arrival !== 'closed' || answer == null) return;
  const latency = users / perSecond;
  set(LATENCIES.e2e, latency, serve);
  const decoding = Math.max(0, answer - 1) * (decode?.seconds ?? 0);
  set(LATENCIES.ttft, Math.max(prefill?.seconds ?? 0, latency - decoding), serve);
}

function lengthOf(written: AxisValue | undefined): number | null {
  const lengths = parseLengths(written as string | number);
  return typeof lengths === 'string' ? null : meanLength(lengths);
}
