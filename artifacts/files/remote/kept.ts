import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { partPaths, withoutPart } from '../../../core/models/parts.js';
import { joinDigests } from '../../../process/digest.js';
import { readNote } from '../note.js';

/** What lies beside a fetched file: where it came from, and which bytes it has. */
const fetchedSchema = z.object({
  source: z.string(),
  address: z.string(),
  digest: z.string(),
  bytes: z.number(),
  validator: z.string().nullable(),
  fetchedAt: z.string(),
});
export type Fetched = z.infer<typeof fetchedSchema>;

/** @returns what is written beside a file of the cache; null unless it is there and whole. */
export async function noteOf(path: string): Promise<Fetched | null> {
  const note = await readNote(notePath(path), fetchedSchema);
  return note !== null && (await bytesAt(path).catch(() => null)) === note.bytes ? note : null;
}

/** @returns the size of a file, and of a folder that of its files which have come whole. */
async function bytesAt(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const names = await readdir(path);
  const whole = names.filter((name) => names.includes(basename(notePath(name))));
  const sizes = await Promise.all(whole.map(async (name) => (await stat(join(path, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Makes the folder of a model: what is there of these files stays, whole or not, and anything else goes. */
export async function beginFolder(path: string, files: readonly string[]): Promise<void> {
  const there = await stat(path).catch(() => null);
  await rm(notePath(path), { force: true });
  if (there?.isDirectory() === false) await rm(path, { force: true });
  await mkdir(path, { recursive: true });
  const names = files.map((file) => basename(file));
  for (const name of await readdir(path)) {
    // A note or a beginning is called after its file.
    const ours = names.some((file) => name === file || name.startsWith(`${file}.`));
    if (!ours) await rm(join(path, name), { force: true, recursive: true });
  }
}

export function notePath(path: string): string {
  return `${path}.json`;
}

/**
 * @returns the files that the cache has, or should have, of a fetched model: its own, or all parts of a split
 *   one.
 */
export async function keptPaths(path: string): Promise<readonly string[]> {
  const [part] = await keptParts(path);
  return part === undefined ? [path] : partPaths(part);
}

/** @returns the notes of all files as one. */
export function joinNotes([first, ...others]: readonly [Fetched, ...Fetched[]]): Fetched {
  const all = [first, ...others];
  return {
    ...first,
    digest: joinDigests(all.map(({ digest }) => digest)),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Removes what is there of a model, or of another state of it. @param except files that stay. */
export async function forget(path: string, except: readonly string[] = []): Promise<void> {
  for (const old of [path, ...(await keptParts(path))].filter((one) => !except.includes(one)))
    for (const file of [notePath(old), old]) await rm(file, { force: true, recursive: true });
}

async function keptParts(path: string): Promise<readonly string[]> {
  const names = await readdir(dirname(path)).catch(() => []);
  const model = basename(path);
  return names
    .filter((name) => name !== model && withoutPart(name) === model)
    .sort()
    .map((name) => join(dirname(path), name));
}
