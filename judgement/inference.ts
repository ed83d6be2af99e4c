import { median, quantile } from '../statistics/quantile.js';
import { type Entries, perRepeat, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

/** Latency of a graph, run by run, and how many items a second went through it. */
export function inferenceFindings({ input }: Evidence): Findings {
  const { inference } = input;
  const repeats = inference?.runSeconds ?? [];
  const all = repeats.flat().sort((a, b) => a - b);
  const why = NOT_APPLICABLE.inference;
  const sum = (seconds: readonly number[]) => seconds.reduce((total, one) => total + one, 0);
  const entries: Entries = {
    itemsPerSecond: perRepeat(
      repeats.map((seconds) => (inference!.items * seconds.length) / sum(seconds)),
      why,
    ),
    itemTokensPerSecond:
      inference !== undefined && inference.tokens === undefined
        ? single(null, 'the items are no texts of tokens')
        : perRepeat(
            repeats.map((seconds) => (inference!.tokens! * seconds.length) / sum(seconds)),
            why,
          ),
    inferenceP50Seconds: perRepeat(
      repeats.map((seconds) => median(seconds)),
      why,
    ),
    inferenceP99Seconds: single(all.length === 0 ? null : quantile(all, 0.99), why),
  };
  return { entries, warnings: [] };
}
