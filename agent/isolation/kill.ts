import { readdirSync, readFileSync } from 'node:fs';

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
    this.#later(() => {
      signalGroup(this.#pid, 'SIGTERM');
      this.#later(() => this.now());
    });
  }

  /** Goes straight to SIGKILL. */
  now(): void {
    if (this.#over) return;
    this.#climbing = true;
    this.killed = true;
    this.#clear();
    // Listed before the kill: afterwards their parent is init and nothing ties them to us.
    const descendants = descendantsOf(this.#pid);
    signalGroup(this.#pid, 'SIGKILL');
    for (const pid of descendants) signal(pid, 'SIGKILL');
  }

  /** The child has ended: whatever is left of its group goes too. */
  end(): void {
    this.#over = true;
    this.#clear();
    signalGroup(this.#pid, 'SIGKILL');
  }

  #later(step: () => void): void {
    this.#clear();
    this.#timer = setTimeout(step, this.#graceSeconds * 1000);
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** @returns every process below `pid`, whatever its group; empty where there is no /proc. */
export function descendantsOf(pid: number, procRoot = '/proc'): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of listProcesses(procRoot)) {
    const parent = parentOf(entry, procRoot);
    if (parent === null) continue;
    const siblings = children.get(parent);
    if (siblings) siblings.push(entry);
    else children.set(parent, [entry]);
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

function listProcesses(procRoot: string): readonly number[] {
  try {
    return readdirSync(procRoot)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** proc(5): the parent is the fourth field of stat. */
function parentOf(pid: number, procRoot: string): number | null {
  const parent = statOf(pid, procRoot)?.[1];
  return parent === undefined ? null : Number(parent);
}

/** @returns when a process started, in ticks since boot (proc(5), the 22nd field of stat): its id may be another's later; null = it is gone. */
export function startedAt(pid: number): string | null {
  return statOf(pid, '/proc')?.[19] ?? null;
}

/** @returns the fields of stat from the third on; the second, the name, may hold blanks and brackets. */
function statOf(pid: number, procRoot: string): readonly string[] | null {
  try {
    const stat = readFileSync(`${procRoot}/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  signal(-pid, name);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // ESRCH: it has ended already.
  }
}
