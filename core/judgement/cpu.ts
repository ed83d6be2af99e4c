import { counterDifference, coveredPart, type Reading, type Window } from '../metrics/integrate.js';
import type { CleanSeries } from '../metrics/series.js';
import { type Warning, warn } from '../result/warnings.js';
import { coversMost, spanReading } from './coverage.js';
import type { Evidence } from './evidence.js';

/**
 * /proc/stat counts CPU time in ticks of 10 ms and truncates each of its fields, so a difference of the busy
 * fields (user, nice, system, irq, softirq) at both ends, less the process's two, can be wrong by several
 * ticks. A gate subtracts this much before it compares: over a window of 100 ms it cannot fire on rounding,
 * over 10 s it forgives 0.01 cores.
 */
export const FOREIGN_RESOLUTION_SECONDS = 0.1;
/** Steal is one field: a tick at either end. */
export const STEAL_RESOLUTION_SECONDS = 0.02;

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
  return {
    process: growth(CPU_QUANTITIES.process),
    busy: growth(CPU_QUANTITIES.busy),
    steal: growth(CPU_QUANTITIES.steal),
    total: growth(CPU_QUANTITIES.total),
    agent: growth(CPU_QUANTITIES.agent),
  };
}

function growthPerSecond(series: CleanSeries, window: Window): Reading {
  const growth = counterDifference(series, window);
  if (growth.value === null) return growth;
  return { ...growth, value: growth.value / (window.endSeconds - window.startSeconds) };
}

/** Foreign processes and stolen time, taken over the whole measured part. */
export function cpuGates({ input, span }: Evidence, use: CpuUse): Warning[] {
  if (span === null) return [];
  const { maxForeignCores, maxStealRatio } = input.experiment.measure;
  const seconds = span.endSeconds - span.startSeconds;
  const found: Warning[] = [];
  if (use.busy.value !== null && use.process.value !== null) {
    const foreign = use.busy.value - use.process.value - (use.agent.value ?? 0);
    if (foreign - FOREIGN_RESOLUTION_SECONDS / seconds > maxForeignCores) {
      found.push(
        warn(
          'foreign-process',
          `other processes used ${foreign.toFixed(2)} cores over ${seconds.toPrecision(3)} s of measuring; the policy allows ${maxForeignCores}`,
        ),
      );
    }
  }
  if (use.steal.value !== null && use.total.value !== null && use.total.value > 0) {
    const excess = (use.steal.value - STEAL_RESOLUTION_SECONDS / seconds) / use.total.value;
    if (excess > maxStealRatio) {
      const share = ((use.steal.value / use.total.value) * 100).toFixed(1);
      found.push(
        warn(
          'cpu-steal',
          `the hypervisor took ${share} % of the CPU time while measuring; the policy allows ${(maxStealRatio * 100).toFixed(1)} %`,
        ),
      );
    }
  }
  return found;
}
