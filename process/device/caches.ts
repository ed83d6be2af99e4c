import { join } from 'node:path';
import { parseCpuList } from './affinity.js';
import { systemText } from './system-text.js';

/** A cache of data, and the logical CPUs that share it. */
export interface SystemCache {
  readonly level: number;
  readonly bytes: number;
  readonly cpus: readonly number[];
}

/** @returns the caches that serve these CPUs, each once; empty where the system does not say. */
export function readCaches(cpus: readonly number[], sysRoot: string): SystemCache[] {
  const caches = new Map<string, SystemCache>();
  for (const cpu of cpus) {
    for (let index = 0; ; index++) {
      const folder = join(sysRoot, `devices/system/cpu/cpu${cpu}/cache/index${index}`);
      const readCacheFile = (name: string) => systemText(join(folder, name));
      const type = readCacheFile('type');
      if (type === null) break;
      const level = Number(readCacheFile('level') ?? Number.NaN);
      const bytes = bytesOf(readCacheFile('size') ?? '');
      if (type === 'Instruction' || !Number.isInteger(level) || bytes === null) continue;
      const shared = parseCpuList(readCacheFile('shared_cpu_list') ?? String(cpu));
      caches.set(`${level} ${shared.join(',')}`, { level, bytes, cpus: shared });
    }
  }
  return [...caches.values()];
}

/**
 * @returns bytes of the last-level caches that serve these CPUs; null where there is none behind the second
 *   level.
 */
export function lastCacheBytes(cpus: readonly number[], sysRoot: string): number | null {
  const { level, bytes } = lastLevel(cpus, sysRoot);
  return level < 3 ? null : bytes;
}

/**
 * No processor that says nothing of its caches (Apple's) is known to have a last level larger than this for
 * its CPUs.
 */
const UNKNOWN_BYTES = 2 ** 25;

/**
 * @returns bytes that data has to exceed by far to come from memory, whatever its level: all last caches of
 *   these CPUs.
 */
export function bytesBeforeMemory(cpus: readonly number[], sysRoot: string): number {
  return lastLevel(cpus, sysRoot).bytes || UNKNOWN_BYTES;
}

/** The caches furthest from these CPUs, together; level 0 where the system does not say. */
function lastLevel(cpus: readonly number[], sysRoot: string): { level: number; bytes: number } {
  const all = readCaches(cpus, sysRoot);
  const level = Math.max(0, ...all.map((cache) => cache.level));
  const bytes = all.filter((cache) => cache.level === level).reduce((sum, cache) => sum + cache.bytes, 0);
  return { level, bytes };
}

/** `48K`, `1024K`, `32M` as /sys writes sizes. */
function bytesOf(size: string): number | null {
  const [, digits, unit] = /^(\d+)([KMG]?)$/.exec(size) ?? [];
  if (digits === undefined) return null;
  return Number(digits) * { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[unit as 'K']! || Number(digits);
}
