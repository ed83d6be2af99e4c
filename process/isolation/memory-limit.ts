import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { ReadAgain } from '../device/read-again.js';
import { systemText } from '../device/system-text.js';
import { everyTick } from './ticker.js';

/** Holds a child to its memory; a cgroup where this user may make one, else a watchdog in the parent. */
export interface MemoryGuard {
  readonly kind: 'cgroup' | 'watchdog' | 'none';
  /** True when the limit was met: the kernel killed inside the cgroup, or the watchdog fired. */
  exceeded(): boolean;
  close(): void;
}

export interface MemoryLimit {
  readonly bytes: number | null;
  readonly pid: number;
  /** A cgroup v2 folder with the memory controller delegated to us; null = watch instead. */
  readonly cgroupFolder: string | null;
  readonly procRoot?: string;
  readonly onExceeded: () => void;
}

/**
 * No child fills memory faster than this: the kernel clears fresh pages more slowly. Looking at the child
 * takes time from its computing. So it is done together with other beats of this process, and earlier only if
 * the child could fill the room that is left before the next beat.
 */
const FASTEST_BYTES_PER_SECOND = 10e9;
const SOONEST_SECONDS = 0.05;
const LATEST_SECONDS = 1;
const REMOVALS = 20;
const REMOVAL_MILLISECONDS = 100;

/** Puts the limit in force; the caller closes the guard when the child has ended. */
export function guardMemory(limit: MemoryLimit): MemoryGuard {
  if (limit.bytes === null) return UNGUARDED;
  return cgroupGuard(limit, limit.bytes) ?? watchdog(limit, limit.bytes);
}

const UNGUARDED: MemoryGuard = { kind: 'none', exceeded: () => false, close: () => {} };

/**
 * cgroup v2 (kernel docs, admin-guide/cgroup-v2): `memory.max` is the hard limit, swap is denied so that
 * a trial cannot measure the disk, and `memory.events` counts the kills.
 */
function cgroupGuard(limit: MemoryLimit, bytes: number): MemoryGuard | null {
  if (limit.cgroupFolder === null) return null;
  const folder = join(limit.cgroupFolder, `ridgepoint-${limit.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'memory.max'), String(bytes), { flag: 'r+' });
    tryWrite(join(folder, 'memory.swap.max'), '0');
    writeFileSync(join(folder, 'cgroup.procs'), String(limit.pid), { flag: 'r+' });
  } catch {
    tryRemove(folder);
    return null;
  }
  return {
    kind: 'cgroup',
    exceeded: () => (oomKills(join(folder, 'memory.events')) ?? 0) > 0,
    close() {
      // Kills what the child left behind, wherever in the tree of processes it is by now (Linux 5.14 and
      // newer).
      tryWrite(join(folder, 'cgroup.kill'), '1');
      removeWhenEmpty(folder, REMOVALS);
    },
  };
}

/** What was killed is in the group until it has ended. */
function removeWhenEmpty(folder: string, tries: number): void {
  tryRemove(folder);
  if (tries > 0 && existsSync(folder))
    setTimeout(() => removeWhenEmpty(folder, tries - 1), REMOVAL_MILLISECONDS).unref();
}

/**
 * Compares what cannot be given back (anonymous and shared pages) with the limit. Pages of a mapped model
 * file are left out: the kernel drops them under pressure, so they are no reason to kill.
 */
function watchdog(limit: MemoryLimit, bytes: number): MemoryGuard {
  let fired = false;
  const path = join(limit.procRoot ?? '/proc', String(limit.pid), 'status');
  const status = orElse(() => new ReadAgain(path), null);
  if (status === null) return UNGUARDED;
  const look = () => {
    const text = status.read();
    if (text === null) return;
    const kept = kilobytes(text, 'RssAnon') + kilobytes(text, 'RssShmem') + kilobytes(text, 'VmSwap');
    const used = 1024 * kept;
    clearTimeout(sooner);
    if (used <= bytes) {
      const fillSeconds = (bytes - used) / FASTEST_BYTES_PER_SECOND;
      if (fillSeconds < LATEST_SECONDS) sooner = lookAfter(Math.max(SOONEST_SECONDS, fillSeconds));
      return;
    }
    fired = true;
    end();
    limit.onExceeded();
  };
  const lookAfter = (seconds: number) => setTimeout(look, 1000 * seconds);
  let sooner = lookAfter(SOONEST_SECONDS);
  const end = everyTick(LATEST_SECONDS, look);
  return {
    kind: 'watchdog',
    exceeded: () => fired,
    close: () => {
      clearTimeout(sooner);
      end();
      status.close();
    },
  };
}

/** @returns how often the kernel killed for want of memory since boot, or null where it does not say. */
export function systemOomKills(procRoot = '/proc'): number | null {
  return oomKills(join(procRoot, 'vmstat'));
}

function kilobytes(status: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

function oomKills(path: string): number | null {
  const count = /^oom_kill (\d+)$/m.exec(systemText(path) ?? '')?.[1];
  return count === undefined ? null : Number(count);
}

/** There may be no swap controller here, or a kernel that cannot kill a group. */
function tryWrite(path: string, text: string): void {
  orElse(() => writeFileSync(path, text, { flag: 'r+' }), null);
}

/** Unless it is not empty yet, or was never made. */
function tryRemove(folder: string): void {
  orElse(() => rmdirSync(folder), null);
}
