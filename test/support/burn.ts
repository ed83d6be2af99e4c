import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Busy for 5 to 20 s, then idle for 10 to 60 s, until whoever began it is gone; moments follow from the seed.
 */
const BURNER = `
  let state = Number(process.argv[1]) >>> 0;
  const between = (low, high) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 1000 * (low + (state / 2 ** 32) * (high - low));
  };
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const parent = process.ppid;
  while (process.ppid === parent) {
    Atomics.wait(sleeper, 0, 0, between(10, 60));
    for (const end = Date.now() + between(5, 20); Date.now() < end; );
  }
`;

/** Burns one CPU at random moments until it is stopped. */
export function burnAtRandom(seed: number): ChildProcess {
  return spawn(process.execPath, ['-e', BURNER, String(seed)], { stdio: 'ignore' });
}

/** Busy all the time, until whoever began it is gone. */
const STEADY = 'const parent = process.ppid; while (process.ppid === parent) for (let i = 0; i < 1e8; i++);';

/** Burns one CPU until it is stopped. */
export function burn(): ChildProcess {
  return spawn(process.execPath, ['-e', STEADY], { stdio: 'ignore' });
}
