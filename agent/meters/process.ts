import { join } from 'node:path';
import { ReadAgain } from '../../process/device/read-again.js';
import { systemText } from '../../process/device/system-text.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { descendantsOf } from '../../process/isolation/processes.js';
import {
  absentMeter,
  type Meter,
  type MeterSearch,
  type MeterTarget,
  type Quantity,
  quantity,
  type Reading,
} from './meter.js';

/** proc(5): times are in clock ticks, and USER_HZ is 100 on every architecture Linux runs Node on. */
const TICKS_PER_SECOND = 100;

const QUANTITIES: readonly Quantity[] = [
  quantity('processCpuSeconds'),
  quantity('processResidentBytes'),
  quantity('processPeakResidentBytes'),
  quantity('processProportionalBytes'),
];

/** CPU time and memory of the trial's processes and of trees of them, from /proc/<pid>. */
export function findProcessMeter(procRoot = '/proc'): MeterSearch {
  return systemText(join(procRoot, 'self/stat')) === null
    ? absentMeter('process', `there is no ${procRoot} on this system`, QUANTITIES)
    : { found: true, meter: new ProcessMeter(procRoot) };
}

/** One process, whose files stay open: opening them costs more than reading. */
interface Process {
  readonly pid: number;
  /** Below, or the root of, a tree that is read whole. */
  readonly inTree: boolean;
  readonly stat: ReadAgain;
  readonly status: ReadAgain;
}

/**
 * How often trees are searched for new processes. This is rare, because it reads every process of the node.
 */
const LOOK_SECONDS = 5;

class ProcessMeter implements Meter {
  readonly name = 'process';
  readonly quantities = QUANTITIES;
  /**
   * Everything is read while the trial rests between repeats; the timer is for repeats that take long. Each
   * wake-up takes a core from a trial that uses them all, and its other threads wait at the next barrier.
   */
  readonly periodSeconds = 0.5;
  readonly #procRoot: string;
  #trees: readonly number[] = [];
  #processes: Process[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(procRoot: string) {
    this.#procRoot = procRoot;
  }

  attach(target: MeterTarget | null): void {
    this.close();
    for (const { pid, tree = false } of target?.processes ?? []) this.#open(pid, tree);
    this.#trees = target?.processes.filter(({ tree }) => tree).map(({ pid }) => pid) ?? [];
    this.#lookAround();
  }

  /**
   * The CPU time of a tree is that of all its processes, including children that have ended and were waited
   * for, so that no time is lost with them. Its memory is the sum of the resident sets, in which a shared
   * page counts once for each process. The kernel keeps a peak for one process only; the peak of a tree is
   * the largest sum that was read.
   */
  read(): readonly Reading[] {
    if (monotonicSeconds() - this.#lookedAt >= LOOK_SECONDS) this.#lookAround();
    const several = this.#processes.length > 1;
    const seen = this.#processes.flatMap(({ stat, status, inTree }) => {
      const [times, sizes] = [stat.read(), status.read()];
      if (!times || !sizes) return [];
      const ended = inTree ? endedChildrenSeconds(times) : 0;
      const own = cpuSeconds(times);
      return [
        {
          cpu: own === null || ended === null ? null : own + ended,
          resident: kilobytes(sizes, 'VmRSS:'),
          peak: kilobytes(sizes, 'VmHWM:'),
        },
      ];
    });
    const readings: Reading[] = [];
    add(readings, 'processCpuSeconds', sumOfKnown(seen.map(({ cpu }) => cpu)));
    add(readings, 'processResidentBytes', sumOfKnown(seen.map(({ resident }) => resident)));
    if (!several) add(readings, 'processPeakResidentBytes', sumOfKnown(seen.map(({ peak }) => peak)));
    return readings;
  }

  /** The kernel walks every mapping for this, up to tens of milliseconds for a large model. */
  readResting(): readonly Reading[] {
    const sizes = this.#processes.map(({ pid }) => {
      return kilobytes(systemText(join(this.#procRoot, String(pid), 'smaps_rollup')) ?? '', '\nPss:');
    });
    const readings: Reading[] = [];
    add(readings, 'processProportionalBytes', sumOfKnown(sizes));
    return readings;
  }

  close(): void {
    for (const process of this.#processes) closeAll(process);
    this.#processes = [];
    this.#trees = [];
  }

  /** What has joined a tree is read from now on, and what has ended no more. */
  #lookAround(): void {
    this.#lookedAt = monotonicSeconds();
    if (this.#trees.length === 0) return;
    const there = new Set(this.#trees.flatMap((pid) => [pid, ...descendantsOf(pid, this.#procRoot)]));
    const gone = this.#processes.filter(({ pid, inTree }) => inTree && !there.has(pid));
    for (const process of gone) closeAll(process);
    this.#processes = this.#processes.filter((process) => !gone.includes(process));
    for (const one of there)
      if (!this.#processes.some((process) => process.pid === one)) this.#open(one, true);
  }

  #open(pid: number, inTree: boolean): void {
    const folder = join(this.#procRoot, String(pid));
    let stat: ReadAgain | null = null;
    try {
      stat = new ReadAgain(join(folder, 'stat'));
      this.#processes.push({ pid, inTree, stat, status: new ReadAgain(join(folder, 'status')) });
    } catch {
      // It has ended meanwhile.
      stat?.close();
    }
  }
}

function closeAll({ stat, status }: Process): void {
  stat.close();
  status.close();
}

/** @returns the sum of what is known: a process that has ended and was not waited for has no memory. */
function sumOfKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
}

function add(readings: Reading[], quantity: string, value: number | null): void {
  if (value !== null) readings.push({ quantity, seconds: monotonicSeconds(), value });
}

/** utime and stime are fields 14 and 15; the second field, the name, may hold blanks and brackets. */
function cpuSeconds(stat: string): number | null {
  return fieldsSum(stat, 11);
}

/**
 * @returns CPU seconds of the children of a process that have ended: cutime and cstime, fields 16 and 17 of
 *   its `stat`.
 */
export function endedChildrenSeconds(stat: string): number | null {
  return fieldsSum(stat, 13);
}

/** Two neighbours among the fields behind the name, in seconds. */
function fieldsSum(stat: string, first: number): number | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[first]) + Number(fields[first + 1]);
  return Number.isFinite(ticks) ? ticks / TICKS_PER_SECOND : null;
}

/** A process that is already a zombie has no such lines: then null. */
function kilobytes(text: string, key: string): number | null {
  const at = text.indexOf(key);
  if (at < 0) return null;
  const value = Number.parseInt(text.slice(at + key.length), 10);
  return Number.isFinite(value) ? value * 1024 : null;
}
