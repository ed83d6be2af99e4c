import { mkdir, open, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FailureError, failed } from '../core/errors.js';

const HINT = 'Free some space, or point cacheFolder in the agent’s config to a larger disk.';

/** @throws FailureError `disk-full` when the folder's disk has less than so many bytes left. */
export async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  throw failed('disk-full', `${folder} has ${bavail * bsize} bytes left and ${bytes} may be needed`, HINT);
}

/** Writes a short text whole or not at all: a reader sees the old one or the new one. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.draft`;
  await writeFile(draft, text);
  await rename(draft, path);
}

/**
 * Writes a file of a size known beforehand from chunks that come as they are made. It is written beside its
 * place and moved there whole, so that a file under its name is always complete; whatever goes wrong, no
 * part of it is left behind.
 * @throws FailureError `disk-full`; errors of the chunks and of the file system as they are; Error when the
 * chunks come to another size.
 */
export async function writeWholeFile(
  path: string,
  bytes: number,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await requireRoom(dirname(path), bytes);
  const draft = `${path}.${process.pid}.draft`;
  try {
    const file = await open(draft, 'w');
    try {
      let written = 0;
      for await (const chunk of chunks) {
        written += chunk.length;
        if (written > bytes) break;
        await writeAll(file, chunk);
      }
      if (written !== bytes) throw new Error(`${path} should have ${bytes} bytes and got ${written}`);
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    throw diskFull(error, path) ?? error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** write(2) may take less than it is given. */
async function writeAll(file: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
  }
}

function diskFull(error: unknown, path: string): FailureError | null {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return null;
  const message = `the disk filled up while ${path} was being written`;
  return failed('disk-full', message, HINT, { cause: error });
}
