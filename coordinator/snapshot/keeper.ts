import { toFailure } from '../../core/errors.js';
import type { Log } from '../log/log.js';
import type { Projection } from '../projection.js';
import { draftSnapshot } from './snapshot.js';

/**
 * Entries behind a snapshot that are read at a start within seconds, and the share of all that a snapshot is
 * worth.
 */
export const SNAPSHOT_ENTRIES = 10_000;
const SNAPSHOT_SHARE = 16;

/** What is kept, and when. */
export interface SnapshotDependencies {
  readonly log: Log;
  /** Trials that are exported. */
  readonly shown?: () => Iterable<string>;
  /**
   * Entries of the log behind a snapshot that make another one worth while; left out = 10,000, and a
   * sixteenth of all.
   */
  readonly snapshotEntries?: number;
  /** One sentence about something that did not stop the work. */
  readonly warn: (sentence: string) => void;
}

/**
 * Keeps snapshots of the state, from which the next start goes on. It never fails: without one, the next
 * start reads more of the log.
 */
export class SnapshotKeeper {
  readonly #parts: SnapshotDependencies;
  readonly #projection: Projection;
  /** Entries of the log that a snapshot has, or had when the last one was tried. */
  #kept: number;
  #keeping = false;

  constructor(parts: SnapshotDependencies, projection: Projection) {
    this.#parts = parts;
    this.#projection = projection;
    this.#kept = projection.position;
  }

  /**
   * Keeps a snapshot where much was written since the last one. What is appended waits until it is drafted,
   * and leases are granted meanwhile; nobody waits until it is on the disk.
   * @param oneAtATime does a task while nothing is applied.
   */
  async keep(oneAtATime: <T>(task: () => Promise<T>) => Promise<T>): Promise<void> {
    const { log, warn, shown, snapshotEntries } = this.#parts;
    const { position } = this.#projection;
    const most = snapshotEntries ?? Math.max(SNAPSHOT_ENTRIES, position / SNAPSHOT_SHARE);
    if (log.snapshots === null || position - this.#kept < most || this.#keeping) return;
    this.#keeping = true;
    try {
      const draft = await oneAtATime(() => {
        this.#kept = this.#projection.position;
        return draftSnapshot(log, this.#projection, shown?.() ?? []);
      });
      await draft?.keep().catch(async (error: unknown) => {
        await draft.drop();
        throw error;
      });
    } catch (error) {
      warn(`No snapshot of the log was kept: ${toFailure(error).message}`);
    } finally {
      this.#keeping = false;
    }
  }
}
