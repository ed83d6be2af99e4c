import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { orElse } from '../../core/or-else.js';
import { descendantsOf } from './processes.js';

/**
 * The kill ladder: ask, then SIGTERM, then SIGKILL, each after a grace. It reaches the child's whole
 * process group and also descendants that left the group.
 */
export class KillLadder {
  readonly #pid: number;
  readonly #graceSeconds: number;
  readonly #ask: (reason: string) => void;
  #timer: NodeJS.Timeout | null = null;
  #climbing = false;
  #over = false;
  /** True once SIGKILL was ours, so that an ending by SIGKILL is not taken for the kernel's. */
  killed = false;

  constructor(pid: number, graceSeconds: number, ask: (reason: string) => void) {
    this.#pid = pid;
    this.#graceSeconds = graceSeconds;
    this.#ask = ask;
  }

  /** Begins with the stop message; calling it again changes nothing. */
  climb(reason: string): void {
    if (this.#climbing || this.#over) return;
    this.#climbing = true;
    this.#ask(reason);
    this.#scheduleStep(() => {
      signal(-this.#pid, 'SIGTERM');
      this.#scheduleStep(() => this.killNow());
    });
  }

  /** Goes straight to SIGKILL. */
  killNow(): void {
    if (this.#over) return;
    this.#climbing = true;
    this.killed = true;
    this.#clear();
    // Listed before the kill: afterwards their parent is init and nothing ties them to us.
    const descendants = descendantsOf(this.#pid);
    signal(-this.#pid, 'SIGKILL');
    for (const pid of descendants) signal(pid, 'SIGKILL');
  }

  /** The child has ended: whatever is left of its group goes too. */
  end(): void {
    this.#over = true;
    this.#clear();
    signal(-this.#pid, 'SIGKILL');
  }

  #scheduleStep(step: () => void): void {
    this.#clear();
    this.#timer = setTimeout(step, this.#graceSeconds * 1000);
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  // ESRCH: it has ended already.
  orElse(() => process.kill(pid, name), false);
}

const LOOK_MILLISECONDS = 20;
/** A process that waits in a driver ends when the driver lets it. */
const LONGEST_MILLISECONDS = 10_000;

/** Kills everything below this process until nothing is left, for what is killed may have started more. */
export async function endDescendants(): Promise<void> {
  for (let waited = 0; waited < LONGEST_MILLISECONDS; waited += LOOK_MILLISECONDS) {
    const left = descendantsOf(process.pid).filter((pid) => !isZombie(pid));
    if (left.length === 0) return;
    for (const pid of left) signal(pid, 'SIGKILL');
    await sleep(LOOK_MILLISECONDS);
  }
}

/** It has ended, and whoever started it has not asked how. */
function isZombie(pid: number): boolean {
  return orElse(() => /^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')), true);
}
