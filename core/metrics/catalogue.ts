/**
 * Every metric once: result records, the exporter, dashboards, objectives and the docs read this list.
 * Names follow the field's words: TTFT is the time until the first token's logits exist; TPOT (vLLM's
 * word) is the mean gap after the first token of a repeat; ITL is the pool of single gaps.
 */

import type { QuantityName } from './meters.js';
import listed from './metrics.json' with { type: 'json' };

export type MetricBetter = 'max' | 'min' | null;

type RatioStyle = 'plain' | 'percent' | 'times';

/**
 * Which way is better where a metric does not say: less time, memory and energy; more of what is done in a
 * second or with a joule.
 */
const BETTER = {
  s: 'min',
  B: 'min',
  J: 'min',
  'J/token': 'min',
  'J*s': 'min',
  g: 'min',
  'g/token': 'min',
  nats: 'min',
  celsius: 'min',
  parameters: 'min',
  'tokens/s': 'max',
  '1/s': 'max',
  'B/s': 'max',
  'FLOP/s': 'max',
  'tokens/J': 'max',
  W: null,
  Hz: null,
  cores: null,
} as const satisfies Readonly<Record<string, MetricBetter>>;

export type Unit = keyof typeof BETTER | 'ratio';

/** A metric as metrics.json has it. */
type Described = {
  /**
   * Left out: the name in snake case. promtool takes `bits` in a name for a unit that should be bytes, so
   * that is llama.cpp's word, bpw.
   */
  readonly prometheus?: string;
  /** Groups that it belongs to; left out: any row may have it. */
  readonly of?: MetricGroup | readonly MetricGroup[];
  /** Left out: none. */
  readonly column?: string;
  readonly help: string;
  /**
   * The quantity of a meter that it is the mean or the peak of, and that of an accelerator where it is
   * another; left out: a judge of its own works it out.
   */
  readonly mean?: readonly QuantityName[];
  readonly peak?: readonly QuantityName[];
} & (
  | { readonly unit: keyof typeof BETTER; readonly better?: MetricBetter }
  | { readonly ratio: RatioStyle; readonly better: MetricBetter }
);

/** Metrics that a row has only where its workload gives them (core/workloads/workload.ts). */
export type WorkloadGroup =
  | 'prefill'
  | 'decode'
  /** Of a prompt, and of the tokens of an answer: a server has them, too, where a client can tell. */
  | 'prompt'
  | 'answer'
  /** Rest on a number of tokens: of those that were generated, or of all. */
  | 'output'
  | 'tokens'
  | 'model'
  | 'training'
  | 'heldOut'
  | 'kernel'
  | 'inference'
  | 'graph'
  | 'serving'
  /** Of speculative decoding; what is known of each step where it is ours. */
  | 'drafts'
  | 'draftSteps'
  | 'slo'
  | 'highestRate'
  | 'highestConcurrency';

/**
 * Metrics that a row has only where the rest of the sweep asks for them, or its node has an energy source.
 */
export type SweepGroup =
  | 'quality'
  | 'text'
  | 'textBase'
  | 'tasks'
  | 'tasksBase'
  | 'performance'
  | 'pruning'
  | 'energy';

type MetricGroup = WorkloadGroup | SweepGroup;

export interface MetricDefinition {
  /** camelCase, as in sweep files and records; carries its unit. */
  readonly name: MetricName;
  /** Prometheus name after the `ridgepoint_` prefix: base unit suffix, no colons. */
  readonly prometheus: string;
  readonly unit: Unit;
  /** How people read a ratio: 0.5 as 0.5, as 50 % or as 0.5×; null for every other unit. */
  readonly ratioStyle: RatioStyle | null;
  readonly better: MetricBetter;
  /** A row has it only where all of these groups are there. */
  readonly of: readonly MetricGroup[];
  /** Shown in tables when the user did not choose columns. */
  readonly column: string | null;
  readonly help: string;
  /**
   * What it is of the readings of a trial's meters (judgement/machine.ts); null = a judge of its own works it
   * out.
   */
  readonly reading: MetricReading | null;
}

/** A gauge's time-weighted mean over the measured part, or its largest value in the whole trial. */
interface MetricReading {
  readonly by: 'mean' | 'peak';
  readonly onCpu: QuantityName;
  readonly onDevice: QuantityName;
}

export type MetricName = keyof typeof listed;

function defined(name: MetricName, described: Described): MetricDefinition {
  const { help, of = [], column = null, mean, peak } = described;
  const [onCpu, onDevice = onCpu] = mean ?? peak ?? [];
  const by = mean === undefined ? 'peak' : 'mean';
  const reading = onCpu === undefined ? null : ({ by, onCpu, onDevice: onDevice! } as const);
  const prometheus = described.prometheus ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const measured =
    'ratio' in described
      ? ({ unit: 'ratio', ratioStyle: described.ratio, better: described.better } as const)
      : {
          unit: described.unit,
          ratioStyle: null,
          better: described.better === undefined ? BETTER[described.unit] : described.better,
        };
  return { name, prometheus, of: [of].flat(), column, help, reading, ...measured };
}

export const METRICS: readonly MetricDefinition[] = Object.entries(
  listed as Readonly<Record<MetricName, Described>>,
).map(([name, described]) => defined(name as MetricName, described));

const byName = new Map<string, MetricDefinition>(METRICS.map((m) => [m.name, m]));

/** @returns the definition, or undefined for a name that is not in the catalogue. */
export function metricNamed(name: string): MetricDefinition | undefined {
  return byName.get(name);
}

const byColumn = new Map(
  METRICS.flatMap((metric) => (metric.column === null ? [] : [[metric.column, metric]])),
);

/**
 * @returns the metric that people mean by its name (`decodeTokensPerSecond`) or by the head of its column
 *   (`decode`).
 */
export function metricMeant(text: string): MetricDefinition | undefined {
  return byName.get(text) ?? byColumn.get(text);
}

export const METRIC_NAMES: readonly MetricName[] = METRICS.map((m) => m.name);

/** @returns the metrics of a group. */
export const metricsOf = (group: MetricGroup): MetricName[] =>
  METRICS.filter(({ of }) => of.includes(group)).map(({ name }) => name);

/**
 * What two runs are compared by when nothing was asked for: shown by default, and better one way. A
 * prediction says nothing of how a run went.
 */
export const COMPARED_METRICS: readonly MetricDefinition[] = METRICS.filter(
  ({ column, better }) => column !== null && better !== null,
);
