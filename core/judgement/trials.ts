import { isPresent, metricValue, type ResultRecord } from '../result.js';

/**
 * Which trial speaks for an experiment: the first complete valid one, else the first complete one, else none. "First" is
 * the order given, which is the order of the log. Later ones are kept, and never replace it: choosing the best
 * of several tries would publish luck.
 */
export function bestTrial(records: readonly ResultRecord[]): ResultRecord | null {
  const complete = records.filter((r) => r.status === 'complete');
  return complete.find((r) => r.valid) ?? complete[0] ?? null;
}

/** Trials needed before trials, and not repeats, are what is compared. */
export const MIN_TRIALS = 3;

/** Numbers to compare, and what one of them stands for. */
export interface ComparableSamples {
  readonly unit: 'trial' | 'repeat';
  readonly values: readonly number[];
}

/**
 * Pooling rule. Repeats of one trial share a process, a memory layout and a moment; they are not independent of each other, and
 * pooling them over trials would pretend that they are (Kalibera & Jones, "Rigorous Benchmarking in Reasonable Time",
 * ISMM 2013). So: with three or more complete valid trials, each gives one number, its quoted value; with fewer, the
 * repeats of the one trial that speaks for the experiment are compared, which tells of differences between these
 * two trials only. Never a mixture.
 */
export function comparableSamples(records: readonly ResultRecord[], metric: string): ComparableSamples {
  const values = records
    .filter((r) => r.status === 'complete' && r.valid)
    .flatMap((r) => metricValue(r, metric) ?? []);
  if (values.length >= MIN_TRIALS) return { unit: 'trial', values };
  const entry = bestTrial(records)?.measurements[metric];
  if (!isPresent(entry)) return { unit: 'repeat', values: [] };
  return { unit: 'repeat', values: entry.samples ?? [entry.value] };
}
