import { open } from 'node:fs/promises';
import type { TensorInfo } from './header.js';
import { shown } from './metadata.js';
import { GgufError } from './reader.js';

const CHUNK_BYTES = 2 ** 20;

/** Where something lies in a file. */
export interface Span {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Reads the bytes of one tensor in order. Chunks are of `chunkBytes`, the last one shorter; each is a buffer
 * of its own.
 * @throws GgufError when the file has become shorter than its header says.
 */
export async function* readTensor(
  path: string,
  tensor: Pick<TensorInfo, 'name'> & Span,
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<Buffer> {
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
        if (bytesRead === 0) throw new GgufError(`the file ends inside ${shown(tensor.name)}`);
        filled += bytesRead;
      }
      done += chunk.length;
      yield chunk;
    }
  } finally {
    await file.close();
  }
}
