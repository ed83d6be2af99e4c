import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';

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
  const cgroups = join(sysRoot, 'fs/cgroup');
  const lines = readText(join(procRoot, 'self/cgroup')).split('\n');
  let memoryBytes = machineBytes(procRoot);
  let cpuQuota: number | null = null;
  const lower = (bytes: number | null) => {
    if (bytes !== null && bytes > 0 && bytes < NO_LIMIT_BYTES) memoryBytes = Math.min(memoryBytes, bytes);
  };
  const quota = (cpus: number | null) => {
    if (cpus !== null) cpuQuota = Math.min(cpuQuota ?? Infinity, cpus);
  };
  for (const line of lines) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers === '') {
      for (const folder of upwards({ mount: cgroups, path })) {
        lower(number(join(folder, 'memory.max')));
        quota(v2Quota(join(folder, 'cpu.max')));
      }
    }
    const names = controllers.split(',');
    if (names.includes('memory')) {
      for (const folder of upwards({ mount: join(cgroups, 'memory'), path })) {
        lower(number(join(folder, 'memory.limit_in_bytes')));
      }
    }
    if (names.includes('cpu')) {
      for (const folder of upwards({ mount: join(cgroups, 'cpu'), path })) quota(v1Quota(folder));
    }
  }
  return { memoryBytes, cpuQuota };
}

/**
 * The mount's root is tried too, since inside a container the path of /proc/self/cgroup is often that of
 * the host while the mount shows the container's own group at its root.
 */
function* upwards({ mount, path }: Hierarchy): Generator<string> {
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

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
