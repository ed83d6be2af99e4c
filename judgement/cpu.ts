import { counterDifference, coveredPart, type Reading, type Window } from '../core/metrics/integrate.js';
import type { CleanSeries } from '../core/metrics/series.js';
import type { Warning } from '../core/result/warnings.js';
import { coversMost, spanReading } from './coverage.js';
import { disturbances } from './disturbance.js';
import type { Evidence } from './evidence.js';

export type CpuUse = Record<keyof typeof CPU_QUANTITIES, Reading>;

const CPU_QUANTITIES = {
  process: 'processCpuSeconds',
  busy: 'systemBusyCpuSeconds',
  steal: 'systemStealCpuSeconds',
  total: 'systemTotalCpuSeconds',
  agent: 'agentCpuSeconds',
} as const;

/**
 * CPU seconds per second of each counter, all over the same part of the measured span, so that they can be
 * subtracted.
 */
export function cpuUse({ series, span }: Evidence, absent: (quantity: string) => string): CpuUse {
  const usable = Object.values(CPU_QUANTITIES)
    .flatMap((quantity) => series.get(quantity) ?? [])
    .filter((s) => span !== null && coversMost(s, span));
  const part = span === null ? null : coveredPart(span, usable);
  const growth = (quantity: string) =>
    spanReading(series.get(quantity), span, absent(quantity), (s) =>
      part === null ? { value: null, reason: 'the CPU counters share no time' } : growthPerSecond(s, part),
    );
  const all = Object.entries(CPU_QUANTITIES).map(([name, quantity]) => [name, growth(quantity)]);
  return Object.fromEntries(all) as CpuUse;
}

function growthPerSecond(series: CleanSeries, window: Window): Reading {
  const growth = counterDifference(series, window);
  if (growth.value === null) return growth;
  return { ...growth, value: growth.value / (window.endSeconds - window.startSeconds) };
}

/**
 * The load generator belongs to the trial just like the server, but the meters follow only the server's
 * process.
 */
function generatorCores({ serving }: Evidence['input']): number {
  return serving === undefined ? 0 : serving.generator.cpuSeconds / serving.generator.seconds;
}

/** Foreign processes and stolen time, taken over the whole measured part. */
export function cpuGates({ input, span }: Evidence, use: CpuUse): Warning[] {
  if (span === null) return [];
  const foreignCores =
    use.busy.value === null || use.process.value === null
      ? null
      : use.busy.value - use.process.value - (use.agent.value ?? 0) - generatorCores(input);
  const window = {
    seconds: span.endSeconds - span.startSeconds,
    foreignCores,
    stealCores: use.steal.value,
    totalCores: use.total.value,
  };
  return disturbances(window, input.experiment.measure);
}
