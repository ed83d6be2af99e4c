import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Factors, factorsSchema } from '../../core/result/factors.js';
import { hostTimesSchema } from '../../core/result/host-times.js';
import { writeWhole } from '../../formats/whole-file.js';
import type { HostTimes } from '../../roofline/step/setting.js';
import { fileName, idOf } from '../roofs/file-name.js';

/** Factors as they are on disk, with what a record calls them. */
export interface StoredFactors {
  /** The first 16 hex digits of the SHA-256 of the file. */
  readonly id: string;
  readonly path: string;
  readonly factors: Factors;
}

/**
 * The factors of a node's devices, beside the roofs that they are relative to: the last ones that were
 * fitted.
 */
export class FactorsStore {
  readonly #folder: string;

  /** @param roofsFolder where roofs are kept. */
  constructor(roofsFolder: string) {
    this.#folder = join(roofsFolder, 'factors');
  }

  /** Keeps them; whoever reads meanwhile sees all or nothing. */
  async put(factors: Factors): Promise<StoredFactors> {
    await mkdir(this.#folder, { recursive: true });
    const text = `${JSON.stringify(factors, null, 1)}\n`;
    const path = this.#path(factors.device.id);
    await writeWhole(path, text);
    return { id: idOf(text), path, factors };
  }

  /** @returns null when there are none, or what is there cannot be read: they are fitted again then. */
  async find(deviceId: string): Promise<StoredFactors | null> {
    const path = this.#path(deviceId);
    try {
      const text = await readFile(path, 'utf8');
      return { id: idOf(text), path, factors: factorsSchema.parse(JSON.parse(text)) };
    } catch {
      return null;
    }
  }

  /** Keeps what a server takes beside kernels. @returns the file. */
  async putHost(deviceId: string, runnerKind: string, host: HostTimes): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    const path = this.#path(`${deviceId}-${runnerKind}-host`);
    await writeWhole(path, `${JSON.stringify(host, null, 1)}\n`);
    return path;
  }

  /** @returns null where nobody fitted any, or what is there cannot be read. */
  async findHost(deviceId: string, runnerKind: string): Promise<HostTimes | null> {
    try {
      const text = await readFile(this.#path(`${deviceId}-${runnerKind}-host`), 'utf8');
      return hostTimesSchema.parse(JSON.parse(text));
    } catch {
      return null;
    }
  }

  #path(name: string): string {
    return join(this.#folder, `${fileName(name)}.json`);
  }
}
