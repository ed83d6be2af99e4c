import { freemem } from 'node:os';
import { join } from 'node:path';
import { DISTURBANCE_LIMITS } from '../../core/experiment/experiment.js';
import { disturbances, type WindowUse } from '../../judgement/disturbance.js';
import { systemText } from '../../process/device/system-text.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { endedChildrenSeconds } from '../meters/process.js';
import { cpuTimes } from '../meters/system.js';

/** CPU time of the whole machine up to a moment, in seconds. */
export interface MachineTime {
  readonly seconds: number;
  readonly busyCpuSeconds: number;
  readonly stealCpuSeconds: number;
  /** Idle time included. */
  readonly totalCpuSeconds: number;
  /** Of this process, and of its children that have ended. */
  readonly ownCpuSeconds: number;
}

/** @returns null where the system does not say. */
export function readMachineTime(procRoot = '/proc'): MachineTime | null {
  const times = cpuTimes(systemText(join(procRoot, 'stat')) ?? '');
  if (times === null) return null;
  const own = process.cpuUsage();
  return {
    seconds: monotonicSeconds(),
    busyCpuSeconds: times.busy,
    stealCpuSeconds: times.steal,
    totalCpuSeconds: times.total,
    ownCpuSeconds:
      (own.user + own.system) / 1e6 +
      (endedChildrenSeconds(systemText(join(procRoot, 'self/stat')) ?? '') ?? 0),
  };
}

/** How the machine was used between two readings of this process; null where the system does not say. */
export function useBetween(before: MachineTime | null, after: MachineTime | null): WindowUse | null {
  if (before === null || after === null) return null;
  const seconds = after.seconds - before.seconds;
  const grown = (of: (time: MachineTime) => number) => (of(after) - of(before)) / seconds;
  return {
    seconds,
    foreignCores: grown((time) => time.busyCpuSeconds - time.ownCpuSeconds),
    stealCores: grown((time) => time.stealCpuSeconds),
    totalCores: grown((time) => time.totalCpuSeconds),
  };
}

/**
 * What else used the machine between two readings in this process, by the limits that trials have: one
 * sentence each.
 * @returns none, too, where the system does not say.
 */
export function disturbedBetween(before: MachineTime | null, after: MachineTime | null): string[] {
  const use = useBetween(before, after);
  return use === null ? [] : disturbances(use, DISTURBANCE_LIMITS).map(({ message }) => message);
}

/** What the system could give without pushing anybody out. */
export function freeBytes(): number {
  const kilobytes = /^MemAvailable:\s*(\d+) kB/m.exec(systemText('/proc/meminfo') ?? '')?.[1];
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
}
