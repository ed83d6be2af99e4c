import { join } from 'node:path';
import { systemText } from './system-text.js';

/** @returns the CPUs a process may run on, or null where the system does not say. */
export function readAffinity(pid: number | 'self', procRoot = '/proc'): readonly number[] | null {
  const status = systemText(join(procRoot, String(pid), 'status')) ?? '';
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  return list === undefined ? null : parseCpuList(list);
}

/** Reads the kernel's list format, e.g. `0-3,8` → 0 1 2 3 8. */
export function parseCpuList(list: string): readonly number[] {
  const cpus: number[] = [];
  for (const part of list.trim().split(',')) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (range === null) continue;
    const first = Number(range[1]);
    const last = Number(range[2] ?? range[1]);
    for (let cpu = first; cpu <= last; cpu++) cpus.push(cpu);
  }
  return cpus;
}

/** Writes the kernel's list format: 0 1 2 3 8 → `0-3,8`. */
export function formatCpuList(cpus: readonly number[]): string {
  const sorted = [...new Set(cpus)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    parts.push(end === i ? `${sorted[i]}` : `${sorted[i]}-${sorted[end]}`);
    i = end + 1;
  }
  return parts.join(',');
}
