import type { Readable, Writable } from 'node:stream';
import { WireError } from './errors.js';

/** One side of a bidirectional call. */
export interface Duplex<Out, In> extends AsyncIterable<In> {
  /**
   * Resolves when the transport can take more (flow control); rejects with WireError when the stream is over.
   */
  send(message: Out): Promise<void>;
  /** Says that nothing more will be sent; what is on its way still arrives. */
  end(): void;
}

/** @returns a send function that waits while the peer is slower than we are. */
export function sender<Out>(stream: Writable): (message: Out) => Promise<void> {
  let drained: Promise<void> | null = null;
  return async (message) => {
    if (stream.destroyed || stream.writableEnded) throw new WireError('cancelled', 'The stream is closed.');
    if (stream.write(message)) return;
    drained ??= new Promise<void>((resolve) => {
      const finish = (): void => {
        stream.off('drain', finish).off('close', finish).off('error', finish);
        drained = null;
        resolve();
      };
      stream.on('drain', finish).on('close', finish).on('error', finish);
    });
    await drained;
    if (stream.destroyed) throw new WireError('cancelled', 'The stream is closed.');
  };
}

/**
 * Node's own iteration of a stream, pulled one message at a time so that a slow reader slows the writer.
 * `destroyOnReturn: false`: the end of reading must not close the other direction of a duplex call.
 */
export async function* messagesOf<In>(stream: Readable): AsyncGenerator<In> {
  for await (const message of stream.iterator({ destroyOnReturn: false })) {
    // In place of one that could not be decoded (readable.ts).
    if (message instanceof WireError) throw message;
    yield message as In;
  }
}

/**
 * Nothing of a wait outlives it: `Promise.race` with a promise that stays pending for as long as a stream
 * lives would keep every message alive that was ever read from it. Listening to a signal takes longer than
 * reading a message: it is done once.
 * @returns a function that waits for the next message, and gives null when the signal aborted first.
 */
export function unlessAborted<In>(
  messages: AsyncIterator<In>,
  signal: AbortSignal,
): () => Promise<IteratorResult<In> | null> {
  let stop = (): void => {};
  signal.addEventListener('abort', () => stop(), { once: true });
  return () => {
    if (signal.aborted) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      stop = () => resolve(null);
      messages.next().then(resolve, reject);
    });
  };
}
