import type { RecordRoofs } from '../../core/result/roofs-record.js';
import type { FactorsStore, StoredFactors } from './store.js';

const NONE = 'no factors were fitted on this node: ridge factors fits them';

/** The factors of this node's devices, read once before the agent takes work. */
export class NodeFactors {
  readonly #found: ReadonlyMap<string, StoredFactors>;

  private constructor(found: ReadonlyMap<string, StoredFactors>) {
    this.#found = found;
  }

  static async read(store: FactorsStore, deviceIds: readonly string[]): Promise<NodeFactors> {
    const found = new Map<string, StoredFactors>();
    for (const id of deviceIds) {
      const stored = await store.find(id);
      if (stored !== null) found.set(id, stored);
    }
    return new NodeFactors(found);
  }

  /** @returns factors that are relative to these roofs; null with a reason from `absent`. */
  of(deviceId: string, roofs: RecordRoofs | null): StoredFactors | null {
    const stored = this.#found.get(deviceId);
    return stored !== undefined && stored.factors.roofs === roofs?.id ? stored : null;
  }

  absent(deviceId: string): string {
    return this.#found.has(deviceId)
      ? 'the roofs were measured again since the factors were fitted: ridge factors fits them anew'
      : NONE;
  }
}
