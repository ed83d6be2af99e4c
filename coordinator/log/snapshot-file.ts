import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SnapshotDraft, Snapshots } from './log.js';

/** Bytes that are read, and sent to a server, at a time. */
export const PIECE_BYTES = 1024 * 1024;

/**
 * Snapshots in a file, which is replaced as a whole: a process that is killed meanwhile leaves the one
 * before.
 */
export class SnapshotFile implements Snapshots {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<AsyncIterable<Uint8Array> | null> {
    const file = await open(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    return file?.createReadStream({ highWaterMark: PIECE_BYTES }) ?? null;
  }

  begin(): Promise<SnapshotDraft> {
    return draftFile(`${this.#path}.draft`, async (draft) => {
      await rename(draft, this.#path);
      const folder = await open(dirname(this.#path));
      await folder.sync().finally(() => folder.close());
    });
  }
}

/** A draft on this machine of what a server is to keep. @param deliver sends the file there */
export async function draftFor(deliver: (path: string) => Promise<void>): Promise<SnapshotDraft> {
  const folder = await mkdtemp(join(tmpdir(), 'ridgepoint-snapshot-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  const draft = await draftFile(join(folder, 'draft'), deliver);
  return {
    add: draft.add,
    keep: () => draft.keep().finally(removeFolder),
    drop: () => draft.drop().finally(removeFolder),
  };
}

/** It holds the key of leases, as the log does. */
const OWNER_ALONE = 0o600;

async function draftFile(path: string, deliver: (path: string) => Promise<void>): Promise<SnapshotDraft> {
  await rm(path, { force: true });
  const file = await open(path, 'w', OWNER_ALONE);
  return {
    add: (bytes) => file.appendFile(bytes),
    async keep() {
      await file.sync().finally(() => file.close());
      await deliver(path);
    },
    async drop() {
      await file.close().catch(() => undefined);
      await rm(path, { force: true });
    },
  };
}
