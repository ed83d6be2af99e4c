import { rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import { writeWhole } from '../../../formats/whole-file.js';
import { readNote } from '../note.js';

/** What lies beside the beginning of a file, so that the rest can be asked for. */
const noteSchema = z.object({
  /** Where it comes from; a part of another file is no beginning of this one. */
  address: z.string(),
  /**
   * What the server calls this state of the file: a strong ETag or the time of its last change; null =
   * nothing.
   */
  validator: z.string().nullable(),
  totalBytes: z.number().nullable(),
});
export type PartNote = z.infer<typeof noteSchema>;

export interface Part {
  readonly bytes: number;
  readonly note: PartNote;
}

export function partPath(path: string): string {
  return `${path}.part`;
}

/** @returns the beginning that is there, or null when there is none or nobody knows of what. */
export async function findPart(path: string): Promise<Part | null> {
  const note = await readNote(`${partPath(path)}.json`, noteSchema);
  const found = await stat(partPath(path)).catch(() => null);
  return note === null || found === null ? null : { bytes: found.size, note };
}

/** Written whole or not at all: half a note would cost the whole part. */
export async function writePartNote(path: string, note: PartNote): Promise<void> {
  await writeWhole(`${partPath(path)}.json`, JSON.stringify(note));
}

export async function dropPart(path: string): Promise<void> {
  await rm(`${partPath(path)}.json`, { force: true });
  await rm(partPath(path), { force: true });
}
