import { FailureError, failure } from '../../../core/errors.js';
import type { RemoteSource } from '../../../core/models/remote.js';
import { type GgufHeader, parseGgufHeader } from '../../../formats/gguf/header.js';
import { GgufError } from '../../../formats/gguf/reader.js';
import { findOnHub } from './hub.js';
import { requireMagic } from './refusals.js';
import { type Asking, ask, asReason, hostOf, sizeOf } from './request.js';
import { retrying } from './retries.js';
import { refuseStatus } from './status.js';

export interface Peeked {
  readonly header: GgufHeader;
  /** Of the file's content, where the hub says it; null = not known before it is fetched. */
  readonly digest: string | null;
}

/** Most headers fit the first; the vocabulary of a large one needs the second or third. */
const FRONTS = [2 ** 20, 16 * 2 ** 20, 128 * 2 ** 20];

/**
 * Reads a model's header over the network, without fetching its weights.
 * @throws FailureError as fetching does, and `model-unreadable`.
 */
export async function peek(source: string, remote: RemoteSource, asking: Asking): Promise<Peeked> {
  return await retrying(source, asking, async () => {
    const found =
      remote.kind === 'web' ? { address: remote.url, digest: null } : await findOnHub(remote, asking);
    for (const bytes of FRONTS) {
      const { front, totalBytes } = await readFront(source, found.address, bytes, asking);
      requireMagic(front, source);
      try {
        return { header: parseGgufHeader(front, totalBytes), digest: found.digest };
      } catch (error) {
        if (!(error instanceof GgufError)) throw error;
        const longer = front.length < totalBytes && error.message.startsWith('the file ends inside');
        if (longer && bytes !== FRONTS.at(-1)) continue;
        throw new FailureError(
          failure('model-unreadable', `the model ${source} is not usable: ${error.message}`),
        );
      }
    }
    throw new Error('the last front was tried');
  });
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
