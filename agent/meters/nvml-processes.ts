import type { GpuProcess } from '../../process/device/nvml/processes.js';
import { parentOf } from '../../process/isolation/processes.js';
import type { MeterTarget } from './meter.js';

/** What a list of a device's processes says of the trial. */
export interface DeviceUse {
  /** Device memory of the trial's processes; null when none of them is listed, or the driver does not say. */
  readonly ownBytes: number | null;
  /** Processes that are not of the trial; null when that cannot be told. */
  readonly others: number | null;
}

/**
 * Tells the trial's processes from others by their ancestors: a server that a trial started computes in a
 * child of its child. Where processes are listed and none is of the trial, their numbers may be those of
 * another namespace (an agent in a container), and nothing is said.
 */
export class ProcessFamily {
  readonly #procRoot: string;
  readonly #known = new Map<number, boolean>();
  /** None = nobody is attached, or nobody knows who computes. */
  #targets: readonly number[] = [];

  constructor(procRoot = '/proc') {
    this.#procRoot = procRoot;
  }

  attach(target: MeterTarget | null): void {
    this.#targets = target?.processes.map(({ pid }) => pid) ?? [];
    this.#known.clear();
  }

  /** @returns null while no trial is there, or the driver lists nothing. */
  use(processes: readonly GpuProcess[] | null): DeviceUse | null {
    if (processes === null || this.#targets.length === 0) return null;
    if (processes.length === 0) return { ownBytes: null, others: 0 };
    const own = processes.filter(({ pid }) => this.#isOwn(pid));
    const bytes = own.map(({ usedBytes }) => usedBytes).filter((used) => used !== null);
    return {
      ownBytes:
        own.length > 0 && bytes.length === own.length ? bytes.reduce((sum, used) => sum + used, 0) : null,
      others: own.length === 0 ? null : processes.length - own.length,
    };
  }

  #isOwn(pid: number): boolean {
    const known = this.#known.get(pid);
    if (known !== undefined) return known;
    let at: number | null = pid;
    while (at !== null && at > 1 && !this.#targets.includes(at)) at = parentOf(at, this.#procRoot);
    const own = at !== null && this.#targets.includes(at);
    this.#known.set(pid, own);
    return own;
  }
}
