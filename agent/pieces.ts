import { open } from 'node:fs/promises';
import { WireError } from '../proto/errors.js';
import { BODY_PIECE_BYTES } from '../proto/limits.js';

/** A piece of a file, and where it belongs. */
export interface FilePiece {
  /** Of the whole file. */
  readonly bytes: number;
  readonly offset: number;
  readonly piece: Buffer;
}

/**
 * Brings a file piece by piece. Some of it may be there, of a time before: each answer says where it goes on.
 * @param begin bytes that are known to be there.
 * @param put brings a piece. @returns whether the file is whole there, and how much of it has come.
 * @throws WireError `invalid` for a file that became shorter, and what `put` throws
 */
export async function bringFile(
  path: string,
  begin: number,
  put: (piece: FilePiece) => Promise<{ readonly kept: boolean; readonly received: number }>,
): Promise<void> {
  const file = await open(path, 'r');
  try {
    const { size: bytes } = await file.stat();
    const buffer = Buffer.alloc(Math.min(BODY_PIECE_BYTES, Math.max(1, bytes)));
    for (let offset = begin; ; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      const { kept, received } = await put({ bytes, offset, piece: buffer.subarray(0, bytesRead) });
      if (kept) return;
      if (received === offset && bytesRead === 0) throw new WireError('invalid', 'it is shorter than it was');
      offset = received;
    }
  } finally {
    await file.close();
  }
}
