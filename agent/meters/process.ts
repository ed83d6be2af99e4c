import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReadAgain } from '../device/read-again.js';
import { monotonicSeconds } from '../isolation/clock.js';
import {
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

/** CPU time and memory of the trial's process, from /proc/<pid>. */
export function findProcessMeter(procRoot = '/proc'): MeterSearch {
  try {
    readFileSync(join(procRoot, 'self/stat'));
  } catch {
    return {
      found: false,
      name: 'process',
      reason: `there is no ${procRoot} on this system`,
      quantities: QUANTITIES,
    };
  }
  return { found: true, meter: new ProcessMeter(procRoot) };
}

class ProcessMeter implements Meter {
  readonly name = 'process';
  readonly quantities = QUANTITIES;
  /**
   * Everything is read while the trial rests between repeats; the timer is for repeats that take long. Each
   * wake-up takes a core from a trial that uses them all, and its other threads wait at the next barrier.
   */
  readonly periodSeconds = 0.5;
  readonly #procRoot: string;
  #stat: ReadAgain | null = null;
  #status: ReadAgain | null = null;
  #rollupPath: string | null = null;

  constructor(procRoot: string) {
    this.#procRoot = procRoot;
  }

  attach(target: MeterTarget | null): void {
    this.close();
    if (target === null) return;
    const folder = join(this.#procRoot, String(target.pid));
    try {
      this.#stat = new ReadAgain(join(folder, 'stat'));
      this.#status = new ReadAgain(join(folder, 'status'));
      this.#rollupPath = join(folder, 'smaps_rollup');
    } catch {
      this.close();
    }
  }

  read(): readonly Reading[] {
    const readings: Reading[] = [];
    const stat = this.#stat?.read();
    if (stat) add(readings, 'processCpuSeconds', cpuSeconds(stat));
    const status = this.#status?.read();
    if (status) {
      add(readings, 'processResidentBytes', kilobytes(status, 'VmRSS:'));
      add(readings, 'processPeakResidentBytes', kilobytes(status, 'VmHWM:'));
    }
    return readings;
  }

  /** The kernel walks every mapping for this, up to tens of milliseconds for a large model. */
  readResting(): readonly Reading[] {
    if (this.#rollupPath === null) return [];
    try {
      const readings: Reading[] = [];
      add(readings, 'processProportionalBytes', kilobytes(readFileSync(this.#rollupPath, 'utf8'), '\nPss:'));
      return readings;
    } catch {
      return [];
    }
  }

  close(): void {
    this.#stat?.close();
    this.#status?.close();
    this.#stat = null;
    this.#status = null;
    this.#rollupPath = null;
  }
}

function add(readings: Reading[], quantity: string, value: number | null): void {
  if (value !== null) readings.push({ quantity, seconds: monotonicSeconds(), value });
}

/** utime and stime are fields 14 and 15; the second field, the name, may hold blanks and brackets. */
function cpuSeconds(stat: string): number | null {
  return fieldsSum(stat, 11);
}

/** @returns CPU seconds of the children of a process that have ended: cutime and cstime, fields 16 and 17 of its `stat`. */
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
