import type { RecordRoofs } from '../../core/result/roofs-record.js';
import { RUNNERS } from '../../core/runners/index.js';
import type { HostTimes } from '../../roofline/step/setting.js';
import { changedSince } from './due.js';
import { fittedEngine } from './engine.js';
import type { FactorsStore, StoredFactors } from './store.js';

export const NO_FACTORS = 'no factors were fitted on this node: ridge factors fits them';

/** The factors of this node's devices, read once before the agent takes work. */
export class NodeFactors {
  readonly #found: ReadonlyMap<string, StoredFactors>;
  readonly #hosts: ReadonlyMap<string, HostTimes>;
  readonly #engine: string | null;

  private constructor(
    found: ReadonlyMap<string, StoredFactors>,
    hosts: ReadonlyMap<string, HostTimes>,
    engine: string | null,
  ) {
    this.#found = found;
    this.#hosts = hosts;
    this.#engine = engine;
  }

  /** @param engine that is installed; null = it is not known, and factors of any hold. */
  static async read(
    store: FactorsStore,
    deviceIds: readonly string[],
    engine: string | null = fittedEngine(),
  ): Promise<NodeFactors> {
    const found = new Map<string, StoredFactors>();
    const hosts = new Map<string, HostTimes>();
    for (const id of deviceIds) {
      const stored = await store.find(id);
      if (stored !== null) found.set(id, stored);
      for (const { kind, counting } of RUNNERS) {
        const host = counting.by === 'served' ? await store.findHost(id, kind) : null;
        if (host !== null) hosts.set(`${id} ${kind}`, host);
      }
    }
    return new NodeFactors(found, hosts, engine);
  }

  /** @returns what a server takes beside kernels on a device; null where nobody fitted it. */
  hostFor(deviceId: string, runnerKind: string): HostTimes | null {
    return this.#hosts.get(`${deviceId} ${runnerKind}`) ?? null;
  }

  /**
   * @returns factors that are relative to these roofs, of the engine that is here; null with a reason from
   *   `absenceReason`.
   */
  forDevice(deviceId: string, roofs: RecordRoofs | null): StoredFactors | null {
    const stored = this.#found.get(deviceId);
    if (stored === undefined || roofs === null) return null;
    return changedSince(stored.factors, roofs.id, this.#engine) === null ? stored : null;
  }

  absenceReason(deviceId: string): string {
    const stored = this.#found.get(deviceId);
    if (stored === undefined) return NO_FACTORS;
    const changed = changedSince(stored.factors, null, this.#engine);
    return `${changed} changed since the factors were fitted: ridge factors fits them anew`;
  }
}
