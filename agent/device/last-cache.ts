import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns bytes of the last-level caches that serve these CPUs, each cache once; null where the system does not say. */
export function lastCacheBytes(cpus: readonly number[], sysRoot: string): number | null {
  const caches = new Map<string, { level: number; bytes: number }>();
  for (const cpu of cpus) {
    for (let index = 0; ; index++) {
      const folder = join(sysRoot, `devices/system/cpu/cpu${cpu}/cache/index${index}`);
      const read = (name: string) => text(join(folder, name));
      const level = Number(read('level') ?? Number.NaN);
      if (!Number.isInteger(level)) break;
      const [, digits, unit] = /^(\d+)([KM])$/.exec(read('size') ?? '') ?? [];
      if (digits === undefined || read('type') === 'Instruction') continue;
      const bytes = Number(digits) * (unit === 'M' ? 2 ** 20 : 2 ** 10);
      caches.set(`${level} ${read('shared_cpu_list') ?? cpu}`, { level, bytes });
    }
  }
  const all = [...caches.values()];
  const last = Math.max(0, ...all.map(({ level }) => level));
  if (last < 3) return null;
  return all.filter(({ level }) => level === last).reduce((sum, { bytes }) => sum + bytes, 0);
}

function text(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
