import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { type JetStreamClient, type JetStreamManager, type ObjectStore, StorageType } from 'nats';
import type { SnapshotDraft, Snapshots } from '../log.js';
import { draftFor } from '../snapshot-file.js';
import { isStreamNotFound } from './errors.js';

const NAME = 'state';

/**
 * Snapshots in an object store beside the stream of the log; NATS replaces an object when all of the new one
 * is there.
 */
export class JetStreamSnapshots implements Snapshots {
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #bucket: string;

  constructor(client: JetStreamClient, manager: JetStreamManager, stream: string) {
    this.#client = client;
    this.#manager = manager;
    this.#bucket = `${stream.replace(/[^-\w]/g, '_')}_SNAPSHOT`;
  }

  async read(): Promise<AsyncIterable<Uint8Array> | null> {
    try {
      await this.#manager.streams.info(`OBJ_${this.#bucket}`);
    } catch (error) {
      if (isStreamNotFound(error)) return null;
      throw error;
    }
    const found = await (await this.#store()).get(NAME);
    return found === null ? null : Readable.fromWeb(found.data as never);
  }

  begin(): Promise<SnapshotDraft> {
    return draftFor(async (path) => {
      const pieces = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
      await (await this.#store()).put({ name: NAME }, pieces);
    });
  }

  #store(): Promise<ObjectStore> {
    // One copy: whoever loses it reads the log.
    return this.#client.views.os(this.#bucket, { storage: StorageType.File });
  }
}
