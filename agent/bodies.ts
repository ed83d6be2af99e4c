import { setTimeout as sleep } from 'node:timers/promises';
import type { FolderBodies } from '../artifacts/files/bodies.js';
import { type BodyReference, bodiesOf } from '../core/result/bodies.js';
import type { ResultRecord } from '../core/result/result.js';
import type { AgentConnection } from '../proto/client.js';
import { WireError } from '../proto/errors.js';
import { Backoff } from './backoff.js';
import { bringFile } from './pieces.js';

/**
 * A coordinator whose store takes nothing is tried for so long; then the record goes without: it is worth
 * more than what it refers to.
 */
const PATIENCE_SECONDS = 600;
/** Of one piece. */
const DEADLINE_SECONDS = 60;

export interface BodyUploadsNeeds {
  readonly connection: Pick<AgentConnection, 'findBody' | 'putBody'>;
  /** Where this node keeps each kind. */
  readonly stores: Readonly<Record<BodyReference['kind'], FolderBodies>>;
  readonly warn: (sentence: string) => void;
  readonly patienceSeconds?: number;
}

/** Brings files that records refer to from this node's cache to the coordinator. */
export class BodyUploads {
  readonly #needs: BodyUploadsNeeds;

  constructor(needs: BodyUploadsNeeds) {
    this.#needs = needs;
  }

  /**
   * Brings what the coordinator lacks of a record's files; a break goes on where it was. Never throws: what
   * could not be brought is said.
   */
  async bring(record: ResultRecord, signal: AbortSignal): Promise<void> {
    for (const reference of bodiesOf(record)) {
      await this.#bring(reference, signal).catch((error: Error) => {
        if (signal.aborted) return;
        const what = `${reference.digest}, which ${record.trialId} refers to,`;
        this.#needs.warn(`the file ${what} stays on this node: ${error.message}`);
      });
    }
  }

  async #bring({ kind, digest }: BodyReference, signal: AbortSignal): Promise<void> {
    const store = this.#needs.stores[kind];
    const backoff = new Backoff(0.5, 30);
    const end = Date.now() + 1000 * (this.#needs.patienceSeconds ?? PATIENCE_SECONDS);
    for (;;) {
      try {
        const found = await this.#needs.connection.findBody({ digest }, limits(signal));
        if (found.kept) return;
        if (!(await store.has(digest))) throw new WireError('invalid', 'it is no longer in the cache');
        return await bringFile(store.pathOf(digest), found.received, (piece) =>
          this.#needs.connection.putBody({ digest, ...piece }, limits(signal)),
        );
      } catch (error) {
        const wait = 1000 * backoff.next();
        if (signal.aborted || isFinal(error) || Date.now() + wait > end) throw error;
        await sleep(wait, undefined, { signal });
      }
    }
  }
}

const limits = (signal: AbortSignal) => ({ deadlineSeconds: DEADLINE_SECONDS, signal });

/** Whether trying again would be in vain. */
export function isFinal(error: unknown): boolean {
  return (
    !(error instanceof WireError) ||
    ['invalid', 'too-large', 'not-found', 'forbidden', 'refused'].includes(error.code)
  );
}
