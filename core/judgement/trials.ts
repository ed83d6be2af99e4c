import { metricNamed } from '../metrics/catalogue.js';
import { isPresent, metricValue, type ResultRecord } from '../result/result.js';
import { type CompareOptions, type Comparison, compare } from '../statistics/compare.js';

/**
 * Which trial speaks for an experiment: the first complete valid one, else the first complete one, else
 * none. "First" is the order given, which is the order of the log. Later ones are kept, and never replace
 * it: choosing the best of several tries would publish luck.
 */
export function bestTrial(records: readonly ResultRecord[]): ResultRecord | null {
  const complete = records.filter((r) => r.status === 'complete');
  return complete.find((r) => r.valid) ?? complete[0] ?? null;
}

/** Trials needed before trials, and not repeats, are what is compared. */
export const MIN_TRIALS = 3;

/** What one of the compared numbers stands for. */
export type SampleUnit = 'trial' | 'repeat';

/** One number per complete valid trial: its quoted value. */
export function trialSamples(records: readonly ResultRecord[], metric: string): number[] {
  return records
    .filter((r) => r.status === 'complete' && r.valid)
    .flatMap((r) => metricValue(r, metric) ?? []);
}

/** One number per repeat of the trial that speaks for the experiment; single readings count as one. */
export function repeatSamples(records: readonly ResultRecord[], metric: string): readonly number[] {
  const entry = bestTrial(records)?.measurements[metric];
  return isPresent(entry) ? (entry.samples ?? [entry.value]) : [];
}

/**
 * Compares one metric of two experiments, each given by all its records; better or worse as the catalogue
 * says.
 *
 * Pooling rule. Repeats of one trial share a process, a memory layout and a moment; they are not independent
 * of each other, and pooling them over trials would pretend that they are (Kalibera & Jones, "Rigorous
 * Benchmarking in Reasonable Time", ISMM 2013). So: where both sides have three or more complete valid
 * trials, each trial is one number; otherwise the repeats of one trial on each side are compared, which
 * tells of a difference between these two trials only. Never a mixture.
 */
export function compareTrials(
  base: readonly ResultRecord[],
  candidate: readonly ResultRecord[],
  metric: string,
  options: Omit<CompareOptions, 'better'> = {},
): Comparison & { readonly unit: SampleUnit } {
  const better = metricNamed(metric)?.better ?? 'max';
  const trials = [trialSamples(base, metric), trialSamples(candidate, metric)] as const;
  const byTrial = trials.every((values) => values.length >= MIN_TRIALS);
  const [a, b] = byTrial ? trials : [repeatSamples(base, metric), repeatSamples(candidate, metric)];
  return { ...compare(a, b, { ...options, better }), unit: byTrial ? 'trial' : 'repeat' };
}
