import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendantsOf } from './processes.js';

/** linux/prctl.h */
const PR_SET_CHILD_SUBREAPER = 36;

/**
 * Has the kernel give this process what is orphaned below it (prctl(2), PR_SET_CHILD_SUBREAPER; no right is needed): a process that left its
 * group and lost its parent is still found below the one that started it all. Without it, on other systems or without koffi, such a one is lost.
 */
export async function adoptOrphans(): Promise<void> {
  if (process.platform !== 'linux') return;
  try {
    const { default: koffi } = await import('koffi');
    const prctl = koffi
      .load(null)
      .func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)');
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  } catch {
    // What stays in its group is ended all the same.
  }
}

const LOOK_MILLISECONDS = 20;
/** A process that waits in a driver ends when the driver lets it. */
const LONGEST_MILLISECONDS = 10_000;

/** Kills everything below this process until nothing is left, for what is killed may have started more. */
export async function endDescendants(): Promise<void> {
  for (let waited = 0; waited < LONGEST_MILLISECONDS; waited += LOOK_MILLISECONDS) {
    const left = descendantsOf(process.pid).filter((pid) => !isZombie(pid));
    if (left.length === 0) return;
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ESRCH: it has ended already.
      }
    }
    await sleep(LOOK_MILLISECONDS);
  }
}

/** It has ended, and whoever started it has not asked how. */
function isZombie(pid: number): boolean {
  try {
    return /^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return true;
  }
}
