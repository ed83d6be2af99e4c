import { judge } from '../../../batching/judge.js';
import type { MetricName } from '../../../core/metrics/catalogue.js';
import { isPresent, type Measurement } from '../../../core/result/result.js';
import type { Judgement } from '../../../judgement/evidence.js';
import { calmInput, experiment, policy, type TrialChanges } from './trace.js';

/** The entry of a metric; fails the test when it is missing. */
export function measured(result: Judgement, name: MetricName): Measurement {
  const entry = result.measurements[name];
  if (!isPresent(entry)) throw new Error(`${name} is missing: ${entry?.reason}`);
  return entry;
}
export const value = (result: Judgement, name: MetricName) => measured(result, name).value;
export const reason = (result: Judgement, name: MetricName) => {
  const entry = result.measurements[name];
  return entry?.value === null ? entry.reason : `present: ${entry?.value}`;
};
export const codes = (result: Judgement) => result.warnings.map((w) => w.code);
export const judged = (changes: Partial<TrialChanges> = {}) => judge(calmInput(changes));
export const withPolicy = (changes: Partial<typeof policy>) => ({
  experiment: { ...experiment, measure: { ...policy, ...changes } },
});
