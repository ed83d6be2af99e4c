import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { type Warning, warn } from '../../core/result/warnings.js';
import { systemText } from './system-text.js';

export interface Limits {
  /** Smallest of the machine's memory and every cgroup limit above this process. */
  readonly memoryBytes: number;
  /** CPUs' worth of time per second that the cgroups grant; null = no quota. */
  readonly cpuQuota: number | null;
}

/** Where a cgroup limit may stand: one line of /proc/self/cgroup, followed up to the root. */
interface Hierarchy {
  readonly mount: string;
  readonly path: string;
}

/** A limit as large as this is the kernel's way of saying none (cgroup v1 rounds 2^63 − 1 to pages). */
const NO_LIMIT_BYTES = 2 ** 60;

/** Reads the limits of cgroup v2 and v1; without cgroups the machine's memory is the limit. */
export function readLimits(procRoot = '/proc', sysRoot = '/sys'): Limits {
  let memoryBytes = machineBytes(procRoot);
  let cpuQuota: number | null = null;
  const lower = (bytes: number | null) => {
    if (bytes !== null && bytes > 0 && bytes < NO_LIMIT_BYTES) memoryBytes = Math.min(memoryBytes, bytes);
  };
  const quota = (cpus: number | null) => {
    if (cpus !== null) cpuQuota = Math.min(cpuQuota ?? Infinity, cpus);
  };
  for (const folder of foldersOf('', procRoot, sysRoot)) {
    lower(number(join(folder, 'memory.max')));
    quota(v2Quota(join(folder, 'cpu.max')));
  }
  for (const folder of foldersOf('memory', procRoot, sysRoot))
    lower(number(join(folder, 'memory.limit_in_bytes')));
  for (const folder of foldersOf('cpu', procRoot, sysRoot)) quota(v1Quota(folder));
  return { memoryBytes, cpuQuota };
}

/**
 * How often a group with a CPU quota wanted to run, and how often the quota stopped it, since the group was
 * made.
 */
export interface Throttling {
  readonly folder: string;
  /** Periods of the quota (most often 100 ms) in which it ran at all. */
  readonly periods: number;
  readonly throttledPeriods: number;
}

/** Reads `cpu.stat` of every group above this process that has a quota; none where there is no quota. */
export function readThrottling(procRoot = '/proc', sysRoot = '/sys'): Throttling[] {
  return [...foldersOf('', procRoot, sysRoot), ...foldersOf('cpu', procRoot, sysRoot)].flatMap((folder) => {
    const stat = readText(join(folder, 'cpu.stat'));
    const count = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
    const periods = count('nr_periods');
    return periods === 0 ? [] : [{ folder, periods, throttledPeriods: count('nr_throttled') }];
  });
}

/**
 * Whether the quota stopped this process or its children between two readings.
 * @param most share of periods that it may: a trial whose time the quota took has measured the quota.
 */
export function throttleWarnings(
  before: readonly Throttling[],
  after: readonly Throttling[],
  most: number,
): Warning[] {
  const grown = after.map(({ folder, periods, throttledPeriods }) => {
    const first = before.find((one) => one.folder === folder);
    const throttled = throttledPeriods - (first?.throttledPeriods ?? 0);
    return { periods: periods - (first?.periods ?? 0), throttled };
  });
  const [worst] = grown.sort((a, b) => b.throttled - a.throttled);
  if (worst === undefined || worst.throttled <= most * worst.periods) return [];
  const share = ((100 * worst.throttled) / worst.periods).toFixed(0);
  const text = `the CPU quota of the cgroup stopped the trial in ${worst.throttled} of ${worst.periods} periods (${share} %); the policy allows ${(100 * most).toFixed(1)} %`;
  return [warn('quota-throttle', text)];
}

/**
 * The folders of this process's group in a hierarchy, upwards.
 * @param controller of cgroup v1; '' is v2's one hierarchy.
 */
function foldersOf(controller: string, procRoot: string, sysRoot: string): string[] {
  const mount = join(sysRoot, 'fs/cgroup', controller);
  const lines = readText(join(procRoot, 'self/cgroup')).split('\n');
  return lines.flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const isOf = path !== undefined && controllers?.split(',').includes(controller);
    return isOf ? [...ancestorGroups({ mount, path })] : [];
  });
}

/**
 * The mount's root is tried too, since inside a container the path of /proc/self/cgroup is often that of
 * the host while the mount shows the container's own group at its root.
 */
function* ancestorGroups({ mount, path }: Hierarchy): Generator<string> {
  for (let at = path; at !== '/' && at !== '.'; at = dirname(at)) yield join(mount, at);
  yield mount;
}

function machineBytes(procRoot: string): number {
  const kilobytes = /^MemTotal:\s*(\d+) kB/m.exec(readText(join(procRoot, 'meminfo')))?.[1];
  return kilobytes === undefined ? totalmem() : Number(kilobytes) * 1024;
}

/** cpu.max: `quota period` in microseconds, or `max period`. */
function v2Quota(path: string): number | null {
  const [quota, period] = readText(path).trim().split(' ').map(Number);
  return quota && period ? quota / period : null;
}

function v1Quota(folder: string): number | null {
  const quota = number(join(folder, 'cpu.cfs_quota_us'));
  const period = number(join(folder, 'cpu.cfs_period_us'));
  return quota !== null && quota > 0 && period ? quota / period : null;
}

function number(path: string): number | null {
  const text = readText(path).trim();
  return /^-?\d+$/.test(text) ? Number(text) : null;
}

const readText = (path: string) => systemText(path) ?? '';
