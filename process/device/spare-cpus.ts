import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAffinity } from './affinity.js';

/** Long enough for the system's ticks of 10 ms, and shorter than opening a model. */
const OBSERVED_MILLISECONDS = 200;
/** A CPU that is busy for less than this share of the time counts as free. */
const SMALL_SHARE = 0.25;

/** Time of one CPU since the system started, as `os.cpus` has it. */
type CpuTimes = Readonly<Record<string, number>>;

/**
 * @param allowed logical CPUs that may be used.
 * @returns how many of them nobody used between two readings of all CPUs, at least one.
 */
export function spareBetween(
  before: readonly CpuTimes[],
  after: readonly CpuTimes[],
  allowed: readonly number[],
): number {
  const total = (times: CpuTimes) => Object.values(times).reduce((sum, time) => sum + time, 0);
  const idle = allowed.map((cpu) => {
    const [was, is] = [before[cpu], after[cpu]];
    if (was === undefined || is === undefined) return 1;
    const passed = total(is) - total(was);
    return passed > 0 ? (is.idle! - was.idle!) / passed : 1;
  });
  const free = idle.reduce((sum, share) => sum + share, 0);
  return Math.max(1, Math.min(allowed.length, Math.floor(free + SMALL_SHARE)));
}

/**
 * @returns how many threads find a CPU of their own now, at least one. Threads of an engine wait for each
 *   other at every operator, so one that shares its CPU with somebody else holds up all the others.
 */
export async function spareCpus(): Promise<number> {
  const allowed = readAffinity('self') ?? Array.from({ length: availableParallelism() }, (_, cpu) => cpu);
  if (allowed.length === 1) return 1;
  const readCpuTimes = () => cpus().map(({ times }) => ({ ...times }));
  const before = readCpuTimes();
  await sleep(OBSERVED_MILLISECONDS);
  return spareBetween(before, readCpuTimes(), allowed);
}
