import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { systemText } from '../device/system-text.js';
import type { Found } from './control.js';

const journalSchema = z.strictObject({
  version: z.literal(1),
  /** A restart of the machine puts every limit back by itself. */
  boot: z.string(),
  found: z.record(z.string(), z.record(z.string(), z.number())),
});

const FILE = 'found.json';

/**
 * What was found before anything was changed, on disk before it is changed and until it is put back; so that the next
 * helper can do it when this one is killed.
 */
export class Journal {
  readonly #folder: string;
  readonly #boot: string;
  #found: Map<string, Found>;

  /**
   * @param folder writable by the helper's user alone.
   * @throws Error for a journal of this boot that cannot be read: it is all that is known of how the machine was.
   */
  constructor(folder: string, procRoot = '/proc') {
    this.#folder = folder;
    this.#boot = systemText(join(procRoot, 'sys/kernel/random/boot_id')) ?? 'unknown';
    this.#found = this.#read();
  }

  get ids(): readonly string[] {
    return [...this.#found.keys()];
  }

  get(id: string): Found | undefined {
    return this.#found.get(id);
  }

  /** On disk when it returns. @throws Error of the file system: then nothing may be changed. */
  add(entries: ReadonlyMap<string, Found>): void {
    this.#replace(new Map([...this.#found, ...entries]));
  }

  /** Once it is put back. */
  remove(id: string): void {
    const rest = new Map(this.#found);
    rest.delete(id);
    this.#replace(rest);
  }

  #replace(found: Map<string, Found>): void {
    const path = join(this.#folder, FILE);
    if (found.size === 0) rmSync(path, { force: true });
    else {
      const text = JSON.stringify({ version: 1, boot: this.#boot, found: Object.fromEntries(found) });
      writeSynced(`${path}.draft`, text);
      renameSync(`${path}.draft`, path);
    }
    syncFolder(this.#folder);
    this.#found = found;
  }

  #read(): Map<string, Found> {
    const path = join(this.#folder, FILE);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
      throw error;
    }
    const journal = journalSchema.safeParse(parsed(text));
    if (!journal.success) {
      throw new Error(
        `${path} should say how this machine was before a power helper changed it, and cannot be read; set the limits yourself, then remove it`,
      );
    }
    return journal.data.boot === this.#boot ? new Map(Object.entries(journal.data.found)) : new Map();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function writeSynced(path: string, text: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A rename is on disk when its folder is. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
