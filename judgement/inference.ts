import type { MetricName } from '../core/metrics/catalogue.js';
import { median, quantile } from '../statistics/quantile.js';
import { type Entry, perRepeat, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

/** Latency of a graph, run by run, and how many items a second went through it. */
export function inferenceFindings({ input }: Evidence): Findings {
  const { inference } = input;
  const repeats = inference?.runSeconds ?? [];
  const all = repeats.flat().sort((a, b) => a - b);
  const why = NOT_APPLICABLE.inference;
  const sum = (seconds: readonly number[]) => seconds.reduce((total, one) => total + one, 0);
  const entries: Partial<Record<MetricName, Entry>> = {
    itemsPerSecond: perRepeat(
      repeats.map((seconds) => (inference!.items * seconds.length) / sum(seconds)),
      '1/s',
      why,
    ),
    itemTokensPerSecond:
      inference !== undefined && inference.tokens === undefined
        ? single(null, '1/s', 'the items are no texts of tokens')
        : perRepeat(
            repeats.map((seconds) => (inference!.tokens! * seconds.length) / sum(seconds)),
            '1/s',
            why,
          ),
    inferenceP50Seconds: perRepeat(
      repeats.map((seconds) => median(seconds)),
      's',
      why,
    ),
    inferenceP99Seconds: single(all.length === 0 ? null : quantile(all, 0.99), 's', why),
  };
  return { entries, warnings: [] };
}
