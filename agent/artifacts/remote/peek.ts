import { FailureError, failure } from '../../../core/errors.js';
import type { ModelFacts } from '../../../core/experiment/experiment.js';
import type { RemoteSource } from '../../../core/models/remote.js';
import { FormatError, type Peek } from '../../../formats/format.js';
import { findOnHub } from './hub.js';
import { requireModel } from './refusals.js';
import { type Asking, ask, asReason, hostOf, sizeOf } from './request.js';
import { retrying } from './retries.js';
import { refuseStatus } from './status.js';

export interface Peeked {
  readonly facts: ModelFacts;
  /** Of the file's content, where the hub says it; null = not known before it is fetched. */
  readonly digest: string | null;
}

/** Most headers fit the first front; the vocabulary of a large one needs the next, or the one after. */
const FIRST_FRONT_BYTES = 2 ** 20;
const TIMES_LONGER = 16;

/**
 * Reads a model's header over the network, without fetching its weights.
 * @throws FailureError as fetching does, and `model-unreadable`.
 */
export async function peek(source: string, remote: RemoteSource, asking: Asking): Promise<Peeked> {
  return await retrying(source, asking, async () => {
    const found =
      remote.kind === 'web' ? { address: remote.url, digest: null } : await findOnHub(remote, asking);
    for (let bytes = FIRST_FRONT_BYTES; ; bytes *= TIMES_LONGER) {
      const { front, totalBytes } = await readFront(source, found.address, bytes, asking);
      const { peek: header } = requireModel(front, source);
      const inspected = inspectFront(source, header, front, totalBytes);
      if (inspected !== null) return { facts: inspected.facts, digest: found.digest };
      if (bytes >= header.mostBytes)
        throw unusable(source, `its header is longer than ${header.mostBytes} bytes`);
    }
  });
}

function inspectFront(source: string, { inspect }: Peek, front: Buffer, totalBytes: number) {
  try {
    return inspect(front, totalBytes);
  } catch (error) {
    if (error instanceof FormatError) throw unusable(source, error.message);
    throw error;
  }
}

function unusable(source: string, why: string): FailureError {
  return new FailureError(failure('model-unreadable', `the model ${source} is not usable: ${why}`));
}

async function readFront(
  source: string,
  address: string,
  bytes: number,
  asking: Asking,
): Promise<{ front: Buffer; totalBytes: number }> {
  const answer = await ask(address, { range: `bytes=0-${bytes - 1}` }, asking);
  const { status, headers, body, linked } = answer;
  try {
    if (status !== 200 && status !== 206) refuseStatus(answer, hostOf(address), source);
    const range = /^bytes 0-\d+\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
    const totalBytes = status === 206 ? sizeOf(range) : sizeOf(headers['content-length']);
    const chunks: Buffer[] = [];
    let length = 0;
    // A server without ranges would send all of it.
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= bytes) break;
    }
    return {
      front: Buffer.concat(chunks).subarray(0, bytes),
      totalBytes: totalBytes ?? linked.bytes ?? length,
    };
  } catch (error) {
    throw asReason(error as Error, new URL(address), asking.signal);
  } finally {
    body.destroy();
  }
}
