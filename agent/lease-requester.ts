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
  /** Who waits until no question is open. */
  readonly #paused: (() => void)[] = [];
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
    this.requestFreeDevices();
  }

  /** The stream broke, or no more work is wanted. */
  end(): void {
    this.#stop();
    this.#open.clear();
    this.#settle();
  }

  /**
   * Asks for nothing more until `begin`. A question cannot be taken back, and its answer may be a lease.
   * @returns when every open question has its answer, or its stream broke.
   */
  async pause(): Promise<void> {
    this.#stop();
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#paused.push(resolve));
  }

  /** Asks for every device that is free, not asked for, and not told to wait. */
  requestFreeDevices(): void {
    if (!this.#on) return;
    for (const device of this.#devices) {
      if (this.#timers.has(device.id) || !this.#isFree(device) || this.#blocked(device)) continue;
      this.#open.add(device.id);
      this.#ask(device.id);
    }
  }

  /** The answer was a lease. */
  granted(deviceId: string): void {
    this.#answered(deviceId);
  }

  /** The answer was "not now"; the newest word counts, also when it comes unasked. */
  waitFor(deviceId: string, milliseconds: number): void {
    this.#answered(deviceId);
    if (!this.#on) return;
    clearTimeout(this.#timers.get(deviceId));
    this.#timers.set(
      deviceId,
      setTimeout(() => {
        this.#timers.delete(deviceId);
        this.requestFreeDevices();
      }, milliseconds),
    );
    this.requestFreeDevices();
  }

  #stop(): void {
    this.#on = false;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #answered(deviceId: string): void {
    this.#open.delete(deviceId);
    if (this.#open.size === 0) this.#settle();
  }

  #settle(): void {
    for (const resolve of this.#paused.splice(0)) resolve();
  }

  #blocked(device: DeviceProfile): boolean {
    return this.#devices.some(
      (other) => this.#open.has(other.id) && other.cpus.some((cpu) => device.cpus.includes(cpu)),
    );
  }
}
