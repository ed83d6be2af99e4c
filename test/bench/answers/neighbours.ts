import { type ChildProcess, spawn } from 'node:child_process';

/** What else runs on the machine during a run. */
export interface Neighbour {
  readonly name: string;
  /** Starts it; null where there is none. */
  readonly start: (() => ChildProcess) | null;
}

/**
 * Computes for a share of each second, on whichever CPU the system gives it, until whoever began it is gone.
 * Busy stretches are short beside a repeat's and a start's, as a neighbour's requests are.
 */
const BURNER = `
  const share = Number(process.argv[1]);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const parent = process.ppid;
  while (process.ppid === parent) {
    const begin = performance.now();
    while (performance.now() - begin < 1000 * share);
    if (share < 1) Atomics.wait(sleeper, 0, 0, 1000 * (1 - share));
  }
`;

/**
 * Copies a quarter of a gigabyte to and fro for a share of each second: it takes memory bandwidth more than
 * it takes a CPU.
 */
const COPIER = `
  const share = Number(process.argv[1]);
  const [a, b] = [new Float64Array(1 << 24), new Float64Array(1 << 24)].map((part) => part.fill(1));
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const parent = process.ppid;
  for (let i = 0; process.ppid === parent; i++) {
    const begin = performance.now();
    while (performance.now() - begin < 1000 * share) (i % 2 === 0 ? a : b).set(i % 2 === 0 ? b : a);
    Atomics.wait(sleeper, 0, 0, 1000 * (1 - share));
  }
`;

const started = (script: string, share: number) => () =>
  spawn('taskset', ['-c', '0', process.execPath, '-e', script, String(share)], { stdio: 'ignore' });

/** From nobody to somebody who wants a whole CPU, and one who wants memory. */
export const NEIGHBOURS: readonly Neighbour[] = [
  { name: 'nobody', start: null },
  { name: 'burner-25', start: started(BURNER, 0.25) },
  { name: 'burner-50', start: started(BURNER, 0.5) },
  { name: 'burner-100', start: started(BURNER, 1) },
  { name: 'memory', start: started(COPIER, 0.5) },
];

/** Runs something beside a neighbour, which is gone afterwards. */
export async function beside<T>({ start }: Neighbour, work: () => Promise<T>): Promise<T> {
  const process = start?.() ?? null;
  try {
    return await work();
  } finally {
    process?.kill('SIGKILL');
  }
}
