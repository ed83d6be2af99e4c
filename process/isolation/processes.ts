import { readdirSync, readFileSync } from 'node:fs';
import { orElse } from '../../core/or-else.js';

/** @returns every process below `pid`, whatever its group; empty where there is no /proc. */
export function descendantsOf(pid: number, procRoot = '/proc'): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of processesOf(procRoot)) {
    const parent = parentOf(entry, procRoot);
    if (parent === null) continue;
    const siblings = children.get(parent) ?? [];
    siblings.push(entry);
    children.set(parent, siblings);
  }
  const found: number[] = [];
  const queue = [pid];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const child of children.get(next) ?? []) {
      found.push(child);
      queue.push(child);
    }
  }
  return found;
}

/** @returns the processes above one, its parent first. */
export function ancestorsOf(pid: number, procRoot = '/proc'): readonly number[] {
  const found: number[] = [];
  for (let at = parentOf(pid, procRoot); at !== null && at > 0; at = parentOf(at, procRoot)) found.push(at);
  return found;
}

/** @returns all processes; empty where there is no /proc. */
export function processesOf(procRoot = '/proc'): readonly number[] {
  const names = orElse(() => readdirSync(procRoot), []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** proc(5): the parent is the fourth field of stat; null = it is gone. */
export function parentOf(pid: number, procRoot = '/proc'): number | null {
  const parent = statOf(pid, procRoot)?.[1];
  return parent === undefined ? null : Number(parent);
}

/** @returns the process group, the fifth field of stat; null = it is gone. */
export function groupOf(pid: number, procRoot = '/proc'): number | null {
  const group = statOf(pid, procRoot)?.[2];
  return group === undefined ? null : Number(group);
}

/** @returns the fields of stat from the third on; the second, the name, may hold blanks and brackets. */
function statOf(pid: number, procRoot: string): readonly string[] | null {
  const stat = orElse(() => readFileSync(`${procRoot}/${pid}/stat`, 'latin1'), null);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? null;
}
