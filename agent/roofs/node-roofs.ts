import { toFailure } from '../../core/errors.js';
import type { DeviceProfile, DeviceRoofs } from '../../core/experiment/node.js';
import { type RecordRoofs, recordRoofsOf } from '../../core/result/roofs-record.js';
import { changes } from './environment.js';
import { holdingRoofs } from './holding.js';
import { measurerFor } from './index.js';
import type { RoofsMeasurer } from './measurer.js';
import { type RoofsStore, readRoofs, type StoredRoofs } from './store.js';

export interface NodeRoofsNeeds {
  /** `auto`: measure what is not stored; `stored`: take what is stored; `off`: none; otherwise a file. */
  readonly mode: string;
  readonly devices: readonly DeviceProfile[];
  readonly store: RoofsStore;
  readonly log: (level: 'info' | 'warn', message: string) => void;
  readonly measurerFor?: (device: DeviceProfile) => RoofsMeasurer | null;
}

/**
 * The ceilings of this node's devices: found or measured once, before the agent takes work, and then in every
 * record.
 */
export class NodeRoofs {
  readonly #needs: NodeRoofsNeeds;
  readonly #found = new Map<string, StoredRoofs>();
  readonly #absent = new Map<string, string>();
  /** Resolves when the first of them begins to be measured, which takes about a minute. */
  readonly measures: Promise<void>;
  #beginsToMeasure!: () => void;
  /** For the node's profile: which devices have roofs. Grows while they are prepared. */
  readonly summary: Record<string, DeviceRoofs> = {};

  constructor(needs: NodeRoofsNeeds) {
    this.#needs = needs;
    this.measures = new Promise((resolve) => {
      this.#beginsToMeasure = resolve;
    });
  }

  /** Finds them, and measures those that are to be measured, one device after the other. Never throws. */
  async prepare(signal: AbortSignal): Promise<void> {
    for (const device of this.#needs.devices) {
      if (signal.aborted) return;
      try {
        await this.#prepare(device, signal);
      } catch (error) {
        const { message } = toFailure(error);
        this.#absent.set(device.id, message);
        if (!signal.aborted) this.#needs.log('warn', `roofs of ${device.id}: ${message}`);
      }
    }
  }

  /** @returns what a record of this device keeps; null with a reason from `absenceReason`. */
  forDevice(deviceId: string): RecordRoofs | null {
    const found = this.#found.get(deviceId);
    return found === undefined ? null : recordRoofsOf(found.roofs, found.id);
  }

  /** @returns why a device has none. */
  absenceReason(deviceId: string): string {
    return this.#absent.get(deviceId) ?? 'they were not measured yet';
  }

  async #prepare(device: DeviceProfile, signal: AbortSignal): Promise<void> {
    const { mode, store, log } = this.#needs;
    if (mode === 'off') {
      this.#absent.set(device.id, 'the agent’s config turns roofs off');
      return;
    }
    if (mode !== 'auto' && mode !== 'stored') {
      const given = await readRoofs(mode);
      if (given.roofs.device.id === device.id) this.#keep(given);
      else this.#absent.set(device.id, `${mode} holds roofs of ${given.roofs.device.id}`);
      return;
    }
    const measurer = (this.#needs.measurerFor ?? measurerFor)(device);
    if (measurer === null) {
      this.#absent.set(device.id, `nobody knows how to measure a device of class ${device.classes[0]}`);
      return;
    }
    if (mode === 'stored') return await this.#find(device, measurer);
    const found = await holdingRoofs(device, {
      store,
      measurer,
      measure: async (why) => {
        this.#beginsToMeasure();
        log('info', `measuring the roofs of ${device.id}${why}: once, about a minute`);
        const roofs = await measurer.measure(device, { signal });
        for (const said of [...roofs.warnings.map(({ message }) => message), ...roofs.caveats])
          log('warn', `roofs of ${device.id}: ${said}`);
        return roofs;
      },
    });
    this.#keep(found);
  }

  async #find(device: DeviceProfile, measurer: RoofsMeasurer): Promise<void> {
    const { store } = this.#needs;
    const environment = await measurer.environment(device);
    const stored = await store.find(device.id, environment);
    if (stored !== null) {
      this.#keep(stored);
      return;
    }
    const older = await store.newest(device.id);
    const why =
      older === null
        ? 'none were measured on this node'
        : `${changes(older.roofs.environment, environment).join(', ')} changed since they were measured`;
    this.#absent.set(device.id, `${why}: ridge roofs measures them`);
  }

  #keep(found: StoredRoofs): void {
    const { id, roofs } = found;
    this.#found.set(roofs.device.id, found);
    const { measuredAt, warnings, caveats } = roofs;
    this.summary[roofs.device.id] = { id, measuredAt, caveats: warnings.length + caveats.length };
  }
}
