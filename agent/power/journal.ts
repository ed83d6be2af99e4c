import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { orElse } from '../../core/or-else.js';
import { systemText } from '../../process/device/system-text.js';

const FILE = 'found.json';

interface Written<Found> {
  readonly version: 1;
  /** Identifies the boot: a restart of the machine restores every setting by itself. */
  readonly boot: string;
  readonly found: Record<string, Found>;
}

/**
 * What was found before anything was changed, on disk before it is changed and until it is put back; so that
 * another process can do it when this one is killed.
 */
export class Journal<Found> {
  readonly #folder: string;
  readonly #schema: z.ZodType<Written<Found>>;
  readonly #boot: string;
  #found: Map<string, Found>;

  /**
   * @param folder writable by its user alone.
   * @param found what is kept of one thing that is changed.
   * @throws Error for a journal that cannot be read: it is all that is known of how the machine was.
   */
  constructor(folder: string, found: z.ZodType<Found>, procRoot = '/proc') {
    this.#folder = folder;
    this.#schema = z.strictObject({
      version: z.literal(1),
      boot: z.string(),
      found: z.record(z.string(), found),
    });
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

  /** Once they are put back. */
  remove(...ids: readonly string[]): void {
    this.#replace(new Map([...this.#found].filter(([id]) => !ids.includes(id))));
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
    const journal = this.#schema.safeParse(parsed(text));
    if (!journal.success) {
      throw new Error(
        `${path} should say how this machine was before it was changed, and cannot be read; set it as it was, then remove the file`,
      );
    }
    return journal.data.boot === this.#boot ? new Map(Object.entries(journal.data.found)) : new Map();
  }
}

function parsed(text: string): unknown {
  return orElse(() => JSON.parse(text), undefined);
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
