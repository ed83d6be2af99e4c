import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type FailureError, failed } from '../core/errors.js';

const CHUNK_BYTES = 2 ** 20;

/** Where something lies in a file. */
export interface Span {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Reads the bytes of one tensor in order. Chunks are of `chunkBytes`, the last one shorter; each is a buffer
 * of its own.
 * @throws FailureError `model-unreadable` when the file has become shorter than its header said.
 */
export async function* readTensor(
  tensor: { readonly name: string; readonly path: string } & Span,
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<Buffer> {
  const { path } = tensor;
  const file = await open(path, 'r');
  try {
    for (let done = 0; done < tensor.bytes; ) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, tensor.bytes - done));
      for (let filled = 0; filled < chunk.length; ) {
        const { bytesRead } = await file.read(
          chunk,
          filled,
          chunk.length - filled,
          tensor.offset + done + filled,
        );
        if (bytesRead === 0) throw tooShort(path, tensor.name);
        filled += bytesRead;
      }
      done += chunk.length;
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

/**
 * Hands on what a tensor gives, as much as its shape says.
 * @param wrong makes the error of a tensor that gives another size, of the words between "gave" and the size.
 */
export async function* exactlyBytes(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytes: number,
  wrong: (much: string) => Error,
): AsyncGenerator<Uint8Array> {
  let given = 0;
  for await (const chunk of chunks) {
    given += chunk.length;
    if (given > bytes) throw wrong('more than');
    yield chunk;
  }
  if (given < bytes) throw wrong(`${given} of`);
}

function tooShort(path: string, name: string): FailureError {
  const message = `${basename(path)} ends inside its tensor ${JSON.stringify(name)}`;
  return failed('model-unreadable', message, 'It was changed while it was read; try again.');
}
