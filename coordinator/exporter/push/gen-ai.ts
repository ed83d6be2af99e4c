import { getOrMake } from '../../../core/maps.js';
import type { Labels } from '../../../core/metrics/families.js';
import type { ResultRecord } from '../../../core/result/result.js';

/** A histogram of OpenTelemetry's conventions for generative AI, of one set of attributes. */
export interface GenAiHistogram {
  readonly name: keyof typeof GEN_AI;
  readonly unit: string;
  readonly attributes: Labels;
  readonly bounds: readonly number[];
  /** One more than bounds: the last is what is above all of them. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Under 10 ms, where the conventions have one bucket and a small model has all its tokens. */
const FINE = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005];

/**
 * Names, units and bucket bounds of the conventions (open-telemetry/semantic-conventions-genai, status:
 * development); `time_per_output_token` has ours below its first one. Each observation is a repeat of a valid
 * trial, a request to them.
 */
const GEN_AI = {
  'gen_ai.server.time_to_first_token': {
    unit: 's',
    bounds: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  },
  'gen_ai.server.time_per_output_token': {
    unit: 's',
    bounds: [...FINE, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
  },
  'gen_ai.server.request.duration': {
    unit: 's',
    bounds: Array.from({ length: 14 }, (_, power) => Number((0.01 * 2 ** power).toFixed(2))),
  },
  'gen_ai.client.token.usage': {
    unit: '{token}',
    bounds: Array.from({ length: 14 }, (_, power) => 4 ** power),
  },
} as const;

/** Which measurement, one value per repeat, is which of their durations. */
const DURATIONS = {
  timeToFirstTokenSeconds: 'gen_ai.server.time_to_first_token',
  timePerOutputTokenSeconds: 'gen_ai.server.time_per_output_token',
  averageLatencySeconds: 'gen_ai.server.request.duration',
} as const;

/** Counts valid trials as the conventions would have a server count its requests. */
export class GenAi {
  readonly #histograms = new Map<string, GenAiHistogram & { readonly counts: number[]; sum: number }>();

  record(record: ResultRecord): void {
    if (record.status !== 'complete' || !record.valid) return;
    const attributes = attributesOf(record);
    for (const [metric, name] of Object.entries(DURATIONS)) {
      const measured = record.measurements[metric];
      if (measured === undefined || measured.value === null) continue;
      this.#observe(name, attributes, measured.samples ?? [measured.value]);
    }
    for (const [phase, type] of [
      ['prefill', 'input'],
      ['decode', 'output'],
    ] as const) {
      const repeats = record.phases.filter(({ name, repeat }) => name === phase && repeat !== null);
      const tokens = repeats.map((one) => one.tokens);
      this.#observe('gen_ai.client.token.usage', { ...attributes, 'gen_ai.token.type': type }, tokens);
    }
  }

  histograms(): GenAiHistogram[] {
    return structuredClone([...this.#histograms.values()]);
  }

  #observe(name: keyof typeof GEN_AI, attributes: Labels, values: readonly number[]): void {
    if (values.length === 0) return;
    const key = JSON.stringify([name, ...Object.values(attributes)]);
    const { unit, bounds } = GEN_AI[name];
    const emptyCounts = () => new Array<number>(bounds.length + 1).fill(0);
    const one = getOrMake(this.#histograms, key, () => ({
      name,
      unit,
      attributes,
      bounds,
      counts: emptyCounts(),
      sum: 0,
    }));
    for (const value of values) {
      const found = bounds.findIndex((bound) => value <= bound);
      one.counts[found < 0 ? bounds.length : found]! += 1;
      one.sum += value;
    }
  }
}

function attributesOf({ experiment }: ResultRecord): Labels {
  return {
    'gen_ai.operation.name': 'text_completion',
    // The conventions' list has services; a runner is none of them, and says so by its own name.
    'gen_ai.provider.name': experiment.runner.kind,
    'gen_ai.request.model': experiment.model.name,
  };
}
