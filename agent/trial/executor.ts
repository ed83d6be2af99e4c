import { type Lease, leasedDevices } from '../../core/experiment/lease.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { TrialContext } from './context.js';
import type { TrialProgress } from './progress.js';
import { type RunningTrial, startTrial } from './start.js';

export interface TrialEvents {
  onStart(lease: Lease): void;
  onProgress(lease: Lease, progress: TrialProgress): void;
  /** Comes once per lease, unless the trial was given back. */
  onRecord(record: ResultRecord): Promise<void>;
  /** A device may have become free. */
  onFree(): void;
}

/**
 * What this node is doing: at most one trial on each device, and never two on devices that share a CPU, since
 * they would disturb each other.
 */
export class TrialExecutor {
  readonly #node: TrialContext;
  readonly #events: TrialEvents;
  readonly #running = new Map<string, RunningTrial>();
  /** Granted while their device was busy; begun when it is free. */
  #queue: Lease[] = [];
  #givenBack = new Set<string>();
  #idle: (() => void)[] = [];

  constructor(node: TrialContext, events: TrialEvents) {
    this.#node = node;
    this.#events = events;
  }

  get trialIds(): string[] {
    return [...this.#running.keys(), ...this.#queue.map((lease) => lease.trialId)];
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Devices of the trials that run now. */
  get runningOn(): string[] {
    return [...this.#running.values()].flatMap(({ lease }) => leasedDevices(lease));
  }

  /** True when a trial on this device would disturb nobody. */
  isFree(device: DeviceProfile): boolean {
    const busy = [...this.#running.values(), ...this.#queue.map((lease) => ({ lease }))];
    return !busy.some(({ lease }) => this.#meet([device.id], leasedDevices(lease)));
  }

  begin(lease: Lease): void {
    if (this.trialIds.includes(lease.trialId)) return;
    this.#queue.push(lease);
    this.#next();
  }

  stop(trialId: string, reason: string): void {
    this.#running.get(trialId)?.stop(reason);
    this.#queue = this.#queue.filter((lease) => lease.trialId !== trialId);
  }

  /**
   * Ends every trial without a result, so that another node, or this one later, measures it again.
   * @param at once = SIGKILL, otherwise the kill ladder.
   * @returns the ids of the trials that were given back.
   */
  giveBack(reason: string, at: 'once' | 'soon'): string[] {
    const ids = this.trialIds;
    this.#givenBack = new Set([...this.#givenBack, ...ids]);
    this.#queue = [];
    for (const trial of this.#running.values()) {
      if (at === 'once') trial.kill(reason);
      else trial.stop(reason);
    }
    return ids;
  }

  /** Resolves when nothing runs. */
  async whenIdle(): Promise<void> {
    if (this.#running.size === 0 && this.#queue.length === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #next(): void {
    for (const lease of [...this.#queue]) {
      const taken = [...this.#running.values()].some((trial) =>
        this.#meet(leasedDevices(lease), leasedDevices(trial.lease)),
      );
      if (taken) continue;
      this.#queue = this.#queue.filter((waiting) => waiting !== lease);
      this.#start(lease);
    }
  }

  #start(lease: Lease): void {
    const trial = startTrial(lease, this.#node, (progress) => this.#events.onProgress(lease, progress));
    this.#running.set(lease.trialId, trial);
    this.#events.onStart(lease);
    void trial.done
      .then((record) => (this.#givenBack.has(lease.trialId) ? undefined : this.#events.onRecord(record)))
      .finally(() => {
        this.#running.delete(lease.trialId);
        this.#givenBack.delete(lease.trialId);
        this.#next();
        this.#events.onFree();
        if (this.#running.size === 0 && this.#queue.length === 0) {
          for (const resolve of this.#idle.splice(0)) resolve();
        }
      });
  }

  #meet(a: readonly string[], b: readonly string[]): boolean {
    if (a.some((id) => b.includes(id))) return true;
    const { devices } = this.#node.profile;
    const cpusOf = (ids: readonly string[]) =>
      devices.filter(({ id }) => ids.includes(id)).flatMap(({ cpus }) => cpus);
    const others = new Set(cpusOf(b));
    return cpusOf(a).some((cpu) => others.has(cpu));
  }
}
