import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Roofs, roofsSchema } from '../../core/result/roofs.js';
import { changes, type RoofsEnvironment } from './environment.js';
import { fileName, idOf } from './file-name.js';

/** Roofs as they are on disk, with what a record calls them. */
export interface StoredRoofs {
  /** The first 16 hex digits of the SHA-256 of the file. */
  readonly id: string;
  readonly path: string;
  readonly roofs: Roofs;
}

/**
 * The roofs of a node's devices, one file per measurement, so that a record's id leads to all repeats. A file
 * is valid as long as its environment is: two configs that take turns do not measure again each time.
 */
export class RoofsStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Keeps them; whoever reads meanwhile sees all or nothing. */
  async put(roofs: Roofs): Promise<StoredRoofs> {
    await mkdir(this.#folder, { recursive: true });
    const text = `${JSON.stringify(roofs, null, 1)}\n`;
    const id = idOf(text);
    const path = join(this.#folder, `${fileName(roofs.device.id)}.${id}.json`);
    const draft = `${path}.${process.pid}.draft`;
    try {
      await writeFile(draft, text);
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    return { id, path, roofs };
  }

  /** @returns the newest of a device in this environment, or null. */
  async find(deviceId: string, environment: RoofsEnvironment): Promise<StoredRoofs | null> {
    const all = await this.#storedRoofs(deviceId);
    return all.find(({ roofs }) => changes(roofs.environment, environment).length === 0) ?? null;
  }

  /** @returns the newest of a device in whatever environment, or null. */
  async newest(deviceId: string): Promise<StoredRoofs | null> {
    return (await this.#storedRoofs(deviceId))[0] ?? null;
  }

  /** Newest first. A file that is no roofs any more is passed over. */
  async #storedRoofs(deviceId: string): Promise<StoredRoofs[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const own = names.filter((name) => name.startsWith(`${fileName(deviceId)}.`) && name.endsWith('.json'));
    const read = await Promise.all(own.map((name) => readRoofs(join(this.#folder, name)).catch(() => null)));
    return read
      .filter((stored) => stored !== null && stored.roofs.device.id === deviceId)
      .map((stored) => stored!)
      .sort((a, b) => Date.parse(b.roofs.measuredAt) - Date.parse(a.roofs.measuredAt));
  }
}

/** @throws Error when there is no file, or what is in it is no roofs. */
export async function readRoofs(path: string): Promise<StoredRoofs> {
  const text = await readFile(path, 'utf8');
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error(`${path} is not JSON`);
  }
  const checked = roofsSchema.safeParse(content);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new Error(`${path} holds no roofs: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`);
  }
  return { id: idOf(text), path, roofs: checked.data };
}
