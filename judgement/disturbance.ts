import type { DisturbanceLimits } from '../core/experiment/experiment.js';
import { type Warning, warn, warnIf } from '../core/result/warnings.js';

/**
 * How far a difference of CPU times can be wrong, in ticks. /proc/stat counts in ticks of 10 ms and truncates
 * each of its fields. So the difference of the busy fields (user, nice, system, irq, softirq) at both ends,
 * less the process's two, can be wrong by several ticks. A gate subtracts this much before it compares: over
 * a window of 100 ms it cannot fire on rounding, and over 10 s it forgives 0.01 cores.
 */
const FOREIGN_RESOLUTION_SECONDS = 0.1;
/** Stolen time is a single field, so its error is one tick at each end. */
const STEAL_RESOLUTION_SECONDS = 0.02;

/** A change of the clock by more than this share is reported. */
export const CLOCK_CHANGE = 0.05;

/** How CPUs were used over a window, in CPU seconds per second; null where the system does not say. */
export interface WindowUse {
  readonly seconds: number;
  /** Used by processes that do not belong to the measurement. */
  readonly foreignCores: number | null;
  readonly stealCores: number | null;
  /** All there was, idle time included. */
  readonly totalCores: number | null;
}

/**
 * A CPU loses more than this share of its core only if something else runs there; without neighbours, its
 * readings stay within 1 % (decision 0061).
 */
const MAX_LOST_SHARE = 0.05;

/**
 * @returns the share of a core below which a CPU counts as sharing it. A policy that allows more stolen time
 *   allows a smaller share, too.
 */
export function leastCoreShare({ maxStealRatio }: Pick<DisturbanceLimits, 'maxStealRatio'>): number {
  return 1 - Math.max(MAX_LOST_SHARE, maxStealRatio);
}

/** @returns a warning where others used the cores under the CPUs. */
export function sharedCores(
  share: number | null,
  limits: Pick<DisturbanceLimits, 'maxStealRatio'>,
): Warning[] {
  const least = leastCoreShare(limits);
  if (share === null || share >= least) return [];
  const percent = (ratio: number) => `${(ratio * 100).toFixed(0)} %`;
  return [
    warn(
      'shared-core',
      `a CPU had ${percent(share)} of its core while measuring, for something else ran on the other hardware thread; from ${percent(least)} on a row is valid`,
    ),
  ];
}

/** @returns a warning where the CPUs lay farther from each other than they usually do on this machine. */
export function distantCores(
  ratio: number | null,
  { maxCoreLatencyRatio }: Pick<DisturbanceLimits, 'maxCoreLatencyRatio'>,
): Warning[] {
  if (ratio === null || ratio <= maxCoreLatencyRatio) return [];
  return [
    warn(
      'distant-cores',
      `the core-to-core latency of the CPUs was ${ratio.toFixed(1)} times what is usual on this machine; the policy allows ${maxCoreLatencyRatio} times`,
    ),
  ];
}

/** @returns a warning for each limit that was exceeded beyond what the counters can resolve. */
export function disturbances(
  { seconds, foreignCores, stealCores, totalCores }: WindowUse,
  { maxForeignCores, maxStealRatio }: DisturbanceLimits,
): Warning[] {
  const foreign = foreignCores ?? 0;
  const known = stealCores !== null && totalCores !== null && totalCores > 0;
  const [steal, total] = known ? [stealCores, totalCores] : [0, 1];
  const percent = (ratio: number) => `${(ratio * 100).toFixed(1)} %`;
  return [
    ...warnIf(
      foreign - FOREIGN_RESOLUTION_SECONDS / seconds > maxForeignCores,
      'foreign-process',
      `other processes used ${foreign.toFixed(2)} cores over ${seconds.toPrecision(3)} s of measuring; the policy allows ${maxForeignCores}`,
    ),
    ...warnIf(
      (steal - STEAL_RESOLUTION_SECONDS / seconds) / total > maxStealRatio,
      'cpu-steal',
      `the hypervisor took ${percent(steal / total)} of the CPU time while measuring; the policy allows ${percent(maxStealRatio)}`,
    ),
  ];
}
