import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { SqliteError } from './database.js';

/** Resolves when a file's data is on the disk. */
export type Datasync = (file: number) => Promise<void>;

/**
 * Syncs SQLite's write-ahead log beside the thread that writes it, so that the next facts gather while the
 * last ones reach the disk. SQLite itself syncs it where it copies it into its file (`synchronous = NORMAL`),
 * and begins it anew only behind that.
 */
export class WalSync {
  /** Null = closed. */
  #file: number | null;
  readonly #pending = new Set<Promise<void>>();
  /** A disk that failed to sync says nothing true afterwards: what is in its cache may count as written. */
  #failed: Error | null = null;
  readonly #datasync: Datasync;

  /**
   * @throws where there is no write-ahead log, or it cannot be synced: what a killed process left is on the
   *   disk from here on.
   */
  constructor(database: string, datasync: Datasync = promisify(fdatasync)) {
    this.#datasync = datasync;
    this.#file = openSync(`${database}-wal`, 'r+');
    fdatasyncSync(this.#file);
  }

  /**
   * Resolves when all that was committed is on the disk.
   * @throws what the disk said, from its first failure on
   */
  async sync(): Promise<void> {
    if (this.#failed !== null) throw this.#failed;
    // Whoever closed the database has synced it.
    if (this.#file === null) return;
    const syncing = this.#datasync(this.#file).catch((cause: Error) => {
      const message = `${cause.message}; start the coordinator again when the disk is well`;
      this.#failed ??= new SqliteError(message, 'other', { cause });
    });
    this.#pending.add(syncing);
    await syncing;
    this.#pending.delete(syncing);
    if (this.#failed !== null) throw this.#failed;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await Promise.all(this.#pending);
    if (file !== null) closeSync(file);
  }
}
