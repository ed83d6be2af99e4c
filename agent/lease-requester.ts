import type { DeviceProfile } from '../core/experiment/node.js';

/**
 * Which device to ask work for, and when. One question is open at a time among devices that share CPUs,
 * so that two leases never wait for the same cores.
 */
export class LeaseRequester {
  readonly #devices: readonly DeviceProfile[];
  readonly #isFree: (device: DeviceProfile) => boolean;
  readonly #ask: (deviceId: string) => void;
  readonly #open = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #on = false;

  /** Accelerators are asked for first: a CPU trial would keep their host cores busy. */
  constructor(
    devices: readonly DeviceProfile[],
    isFree: (device: DeviceProfile) => boolean,
    ask: (deviceId: string) => void,
  ) {
    const isCpu = (device: DeviceProfile) => (device.classes.includes('cpu') ? 1 : 0);
    this.#devices = [...devices].sort((a, b) => isCpu(a) - isCpu(b));
    this.#isFree = isFree;
    this.#ask = ask;
  }

  /** A stream is open, and nothing was asked on it yet. */
  begin(): void {
    this.end();
    this.#on = true;
    this.again();
  }

  /** The stream broke, or no more work is wanted. */
  end(): void {
    this.#on = false;
    this.#open.clear();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Asks for every device that is free, not asked for, and not told to wait. */
  again(): void {
    if (!this.#on) return;
    for (const device of this.#devices) {
      if (this.#timers.has(device.id) || !this.#isFree(device) || this.#blocked(device)) continue;
      this.#open.add(device.id);
      this.#ask(device.id);
    }
  }

  /** The answer was a lease. */
  granted(deviceId: string): void {
    this.#open.delete(deviceId);
  }

  /** The answer was "not now"; the newest word counts, also when it comes unasked. */
  waitFor(deviceId: string, milliseconds: number): void {
    if (!this.#on) return;
    this.#open.delete(deviceId);
    clearTimeout(this.#timers.get(deviceId));
    this.#timers.set(
      deviceId,
      setTimeout(() => {
        this.#timers.delete(deviceId);
        this.again();
      }, milliseconds),
    );
    this.again();
  }

  #blocked(device: DeviceProfile): boolean {
    return this.#devices.some(
      (other) => this.#open.has(other.id) && other.cpus.some((cpu) => device.cpus.includes(cpu)),
    );
  }
}
