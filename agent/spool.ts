import { createHash } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isNewerSchema, RESULT_SCHEMA, type ResultRecord } from '../core/result/result.js';
import { parseRecord } from '../proto/convert.js';

/**
 * Results that no coordinator has confirmed: on disk before they are sent, gone once they are acknowledged.
 * A file that cannot be read is set aside and costs nobody else anything. A record of a newer release stays
 * where it is, until that release sends it.
 */
export class Spool {
  readonly #folder: string;
  readonly #onTrouble: (message: string) => void;
  /** What could not be written, kept in memory so that it is reported all the same. */
  readonly #unwritten = new Map<string, ResultRecord>();
  #known = new Set<string>();
  /** Names of files that only a newer release can send. */
  readonly #newer = new Set<string>();
  /** Since when each waits, by the name of its file: milliseconds since 1970. */
  readonly #since = new Map<string, number>();

  private constructor(folder: string, onTrouble: (message: string) => void) {
    this.#folder = folder;
    this.#onTrouble = onTrouble;
  }

  static async open(folder: string, onTrouble: (message: string) => void): Promise<Spool> {
    const spool = new Spool(folder, onTrouble);
    try {
      await mkdir(folder, { recursive: true });
      const names = await readdir(folder);
      spool.#known = new Set(names.filter((name) => name.endsWith('.json')));
      for (const name of spool.#known) spool.#since.set(name, (await stat(join(folder, name))).mtimeMs);
      for (const name of [...spool.#known]) await spool.#leaveIfNewer(name);
    } catch (error) {
      onTrouble(`the spool ${folder} cannot be used: ${(error as Error).message}`);
    }
    return spool;
  }

  /** Results that wait and that this release can send. */
  get size(): number {
    return this.#known.size + this.#unwritten.size;
  }

  /** Results that wait for a newer release, which wrote them. */
  get newerSize(): number {
    return this.#newer.size;
  }

  /** Seconds that the oldest has waited; 0 = none waits. */
  get oldestSeconds(): number {
    const since = Math.min(...this.#since.values());
    return this.#since.size === 0 ? 0 : Math.max(0, (Date.now() - since) / 1000);
  }

  /** Ids of the trials that wait, as far as their files say them. */
  get trialIds(): string[] {
    const ids = [...this.#known].map((name) => name.slice(0, -'.json'.length));
    return [...new Set([...ids.filter((id) => id.startsWith('t.')), ...this.#unwritten.keys()])];
  }

  /** Resolves once the record is on disk, or is kept in memory because the disk would not take it. */
  async put(record: ResultRecord): Promise<void> {
    const name = fileName(record.trialId);
    const draft = join(this.#folder, `${name}.draft`);
    this.#since.set(name, this.#since.get(name) ?? Date.now());
    try {
      const file = await open(draft, 'w');
      try {
        await file.writeFile(JSON.stringify(record));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, join(this.#folder, name));
      await syncFolder(this.#folder);
      this.#known.add(name);
      this.#unwritten.delete(record.trialId);
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {});
      this.#unwritten.set(record.trialId, record);
      this.#onTrouble(`the result of ${record.trialId} is kept in memory only: ${(error as Error).message}`);
    }
  }

  /** Every waiting result, oldest trial id first. */
  async *waiting(): AsyncGenerator<ResultRecord> {
    for (const name of [...this.#known].sort()) {
      const record = await this.#read(name);
      if (record !== null) yield record;
    }
    yield* [...this.#unwritten.values()];
  }

  /** @returns a waiting result; null when it does not wait any more. */
  async find(trialId: string): Promise<ResultRecord | null> {
    const unwritten = this.#unwritten.get(trialId);
    if (unwritten !== undefined) return unwritten;
    const name = fileName(trialId);
    return this.#known.has(name) ? await this.#read(name) : null;
  }

  /** The coordinator has it. */
  async remove(trialId: string): Promise<void> {
    this.#unwritten.delete(trialId);
    const name = fileName(trialId);
    this.#since.delete(name);
    if (!this.#known.delete(name)) return;
    await rm(join(this.#folder, name), { force: true }).catch((error: Error) =>
      this.#onTrouble(error.message),
    );
  }

  /** The coordinator will never take it: kept for people to look at, with the reason, and not sent again. */
  async setAside(trialId: string, reason: string): Promise<void> {
    this.#unwritten.delete(trialId);
    const name = fileName(trialId);
    this.#since.delete(name);
    if (!this.#known.delete(name)) return;
    const aside = join(this.#folder, `${name}.refused`);
    try {
      await rename(join(this.#folder, name), aside);
      await writeFile(`${aside}.reason`, `${reason}\n`);
    } catch (error) {
      this.#onTrouble((error as Error).message);
    }
  }

  /**
   * The coordinator can take another record in the place of this one only: that one is spooled, and the
   * record itself is kept for people to look at, with the reason.
   */
  async replace(record: ResultRecord, reason: string): Promise<void> {
    const name = fileName(record.trialId);
    const aside = join(this.#folder, `${name}.refused`);
    try {
      await copyFile(join(this.#folder, name), aside);
      await writeFile(`${aside}.reason`, `${reason}\n`);
    } catch (error) {
      this.#onTrouble(`the whole result of ${record.trialId} is not kept: ${(error as Error).message}`);
    }
    await this.put(record);
  }

  /** Before the first hello, which promises the coordinator the trials that can be sent. */
  async #leaveIfNewer(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const schema = await schemaOf(path);
    if (!isNewerSchema(schema)) return;
    this.#known.delete(name);
    this.#newer.add(name);
    this.#onTrouble(
      `the spooled result ${path} is of the schema ${schema}, and this release reads ${RESULT_SCHEMA}: it stays there until an agent of the newer release sends it`,
    );
  }

  async #read(name: string): Promise<ResultRecord | null> {
    const path = join(this.#folder, name);
    try {
      return parseRecord(await readFile(path, 'utf8'));
    } catch (error) {
      this.#known.delete(name);
      this.#since.delete(name);
      const aside = join(this.#folder, `${name}.unreadable`);
      await rename(path, aside).catch(() => {});
      this.#onTrouble(`the spooled result ${name} was set aside as ${aside}: ${(error as Error).message}`);
      return null;
    }
  }
}

/** @returns what the file says it is; null where it is no JSON, which reading it reports. */
async function schemaOf(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))?.schema;
  } catch {
    return null;
  }
}

/** A trial id comes from elsewhere: only a plain one may become a file name as it is. */
function fileName(trialId: string): string {
  const plain = /^[A-Za-z0-9][A-Za-z0-9._-]{0,150}$/.test(trialId);
  return `${plain ? trialId : createHash('sha256').update(trialId).digest('hex')}.json`;
}

/** The name is durable only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
