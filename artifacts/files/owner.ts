import { readFileSync, readlinkSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { orElse } from '../../core/or-else.js';

/**
 * A mark that a process leaves in a shared folder to say that something is its own for now. A process id
 * alone does not say whose it is: containers that share a volume all have a process 1, and ids come again
 * after a restart.
 */
const markSchema = z.object({
  pid: z.number().int().positive(),
  /** Where that id means something: host, boot and namespace. */
  space: z.string(),
  /** When the process began, in the kernel's ticks; empty where it does not say. */
  began: z.string(),
});

/** Marks of another space are believed for so long after they were last touched. */
const STALE_MILLISECONDS = 60_000;
export const REFRESH_MILLISECONDS = 15_000;

const boot = orElse(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), '');
const SPACE = [hostname(), boot, orElse(() => readlinkSync('/proc/self/ns/pid'), '')].join(' ');

/** @returns the text of this process's mark. */
export function ownMark(): string {
  return JSON.stringify({ pid: process.pid, space: SPACE, began: beganAt(process.pid) });
}

/**
 * @returns whether the process that left the mark still runs; of one in another container or on another host
 * only how old its mark is can be seen. null when there is no mark.
 */
export async function ownerLives(path: string): Promise<boolean | null> {
  const [text, found] = [await readFile(path, 'utf8').catch(() => null), await stat(path).catch(() => null)];
  if (text === null || found === null) return null;
  const mark = orElse(() => markSchema.parse(JSON.parse(text)), null);
  // Being written just now, or by nobody who knew how.
  if (mark === null || mark.space !== SPACE) return Date.now() - found.mtimeMs < STALE_MILLISECONDS;
  return isAlive(mark.pid) && beganAt(mark.pid) === mark.began;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** proc(5), /proc/PID/stat: field 22, behind a name that may hold anything but ends at the last bracket. */
function beganAt(pid: number): string {
  const line = orElse(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), '');
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
