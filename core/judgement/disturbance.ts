import type { DisturbanceLimits } from '../experiment/experiment.js';
import { type Warning, warn } from '../result/warnings.js';

/**
 * /proc/stat counts CPU time in ticks of 10 ms and truncates each of its fields, so a difference of the busy
 * fields (user, nice, system, irq, softirq) at both ends, less the process's two, can be wrong by several
 * ticks. A gate subtracts this much before it compares: over a window of 100 ms it cannot fire on rounding,
 * over 10 s it forgives 0.01 cores.
 */
const FOREIGN_RESOLUTION_SECONDS = 0.1;
/** Steal is one field: a tick at either end. */
const STEAL_RESOLUTION_SECONDS = 0.02;

/** A clock that moved by more than this share is worth a word. */
export const CLOCK_CHANGE = 0.05;

/** How CPUs were used over a window, in CPU seconds per second; null where the system does not say. */
export interface WindowUse {
  readonly seconds: number;
  /** By processes that have nothing to do with what is measured. */
  readonly foreignCores: number | null;
  readonly stealCores: number | null;
  /** All there was, idle time included. */
  readonly totalCores: number | null;
}

/** Of their cores CPUs lose so much only where somebody else is on them. */
export const MAX_LOST_SHARE = 0.1;

/** @returns a warning where others used the cores under the CPUs; a policy that allows more to be stolen allows it here, too. */
export function sharedCores(
  share: number | null,
  { maxStealRatio }: Pick<DisturbanceLimits, 'maxStealRatio'>,
): Warning[] {
  const allowed = 1 - Math.max(MAX_LOST_SHARE, maxStealRatio);
  if (share === null || share >= allowed) return [];
  const percent = (ratio: number) => `${(ratio * 100).toFixed(0)} %`;
  return [
    warn(
      'shared-core',
      `the CPUs had ${percent(share)} of their cores while measuring, for something else ran on the other hardware threads; from ${percent(allowed)} on a row is valid`,
    ),
  ];
}

/** Between cores that share a cache and those that do not it is several times; between two readings of the same place a few percent. */
export const MAX_LATENCY_RATIO = 1.5;

/** @returns a warning where the CPUs lay farther from each other than they usually do on this machine. */
export function distantCores(ratio: number | null): Warning[] {
  if (ratio === null || ratio <= MAX_LATENCY_RATIO) return [];
  return [
    warn(
      'distant-cores',
      `the core-to-core latency of the CPUs was ${ratio.toFixed(1)} times what is usual on this machine; up to ${MAX_LATENCY_RATIO} times a row is valid`,
    ),
  ];
}

/** @returns a warning for each limit that was exceeded beyond what the counters can resolve. */
export function disturbances(
  { seconds, foreignCores, stealCores, totalCores }: WindowUse,
  { maxForeignCores, maxStealRatio }: DisturbanceLimits,
): Warning[] {
  const found: Warning[] = [];
  if (foreignCores !== null && foreignCores - FOREIGN_RESOLUTION_SECONDS / seconds > maxForeignCores) {
    found.push(
      warn(
        'foreign-process',
        `other processes used ${foreignCores.toFixed(2)} cores over ${seconds.toPrecision(3)} s of measuring; the policy allows ${maxForeignCores}`,
      ),
    );
  }
  if (stealCores !== null && totalCores !== null && totalCores > 0) {
    const excess = (stealCores - STEAL_RESOLUTION_SECONDS / seconds) / totalCores;
    if (excess > maxStealRatio) {
      const share = ((stealCores / totalCores) * 100).toFixed(1);
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
