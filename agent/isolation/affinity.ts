import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/** Tools of util-linux that start a program with properties it cannot lose; null = not installed. */
export interface StartTools {
  /** Pins the program, and with it every thread it makes, to CPUs. */
  readonly taskset: string | null;
  /** Has the kernel kill the program when its parent dies, even while native code blocks it. */
  readonly setpriv: string | null;
}

/** @returns where the tools are on this machine's PATH; both null on anything but Linux. */
export function findStartTools(path = process.env.PATH ?? ''): StartTools {
  if (process.platform !== 'linux') return { taskset: null, setpriv: null };
  return { taskset: onPath('taskset', path), setpriv: onPath('setpriv', path) };
}

/** @returns the command wrapped so that it is pinned to `cpus` (none = anywhere) and dies with its parent. */
export function wrapCommand(inner: Command, cpus: readonly number[], tools: StartTools): Command {
  let { command, args } = inner;
  if (tools.taskset !== null && cpus.length > 0) {
    args = ['-c', formatCpuList(cpus), command, ...args];
    command = tools.taskset;
  }
  if (tools.setpriv !== null) {
    args = ['--pdeathsig', 'KILL', command, ...args];
    command = tools.setpriv;
  }
  return { command, args };
}

/** @returns the CPUs a process may run on, or null where the system does not say. */
export function readAffinity(pid: number | 'self', procRoot = '/proc'): readonly number[] | null {
  try {
    const status = readFileSync(join(procRoot, String(pid), 'status'), 'utf8');
    const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
    return list === undefined ? null : parseCpuList(list);
  } catch {
    return null;
  }
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

function onPath(tool: string, path: string): string | null {
  for (const folder of path.split(':')) {
    if (folder === '') continue;
    const candidate = join(folder, tool);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
