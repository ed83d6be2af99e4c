import type { MetricName } from './catalogue.js';

/**
 * Metrics that measuring goes on for until their intervals are narrow: within a start workloads watch them
 * repeat by repeat, and over starts the scheduler does.
 */
export const SETTLING_METRICS = [
  'prefillTokensPerSecond',
  'decodeTokensPerSecond',
  'trainTokensPerSecond',
  'kernelSeconds',
  'inferenceP50Seconds',
] as const satisfies readonly MetricName[];

/** What one trial quotes for each of them, in the metric's unit; what it does not have is left out. */
export type SettlingValues = Readonly<Partial<Record<(typeof SETTLING_METRICS)[number], number>>>;

/** @returns what measurements quote for the metrics that must settle. */
export function settlingValues(
  measurements: Readonly<Record<string, { readonly value: number | null }>>,
): SettlingValues {
  const values: Partial<Record<(typeof SETTLING_METRICS)[number], number>> = {};
  for (const metric of SETTLING_METRICS) {
    const value = measurements[metric]?.value ?? null;
    if (value !== null) values[metric] = value;
  }
  return values;
}
