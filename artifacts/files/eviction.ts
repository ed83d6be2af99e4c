import { readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_FORMATS } from '../../core/models/formats.js';
import { withoutPart } from '../../core/models/parts.js';
import { ifUnlocked } from './lock.js';
import { besideGguf } from './peft-folder.js';
import { isHeld } from './pins.js';

export interface Room {
  /** What all files together may have. */
  readonly limitBytes: number;
  /**
   * What is about to come; more than `limitBytes` evicts nothing for the bound's sake, since nothing would
   * help.
   */
  readonly comingBytes?: number;
  /** Stays in any case. */
  readonly keep?: string;
  /** What the disk has left. */
  readonly freeBytes?: () => Promise<number>;
}

interface Cached {
  /**
   * Of the model, whether it is whole, the beginning of it, a folder, or split into parts, which stay and go
   * together.
   */
  readonly path: string;
  /**
   * The files themselves and what lies beside them; each note first, so that half a removal is no artifact.
   */
  files: string[];
  bytes: number;
  usedMilliseconds: number;
}

/**
 * Of every model in the cache: its first bytes tell what it is, and one ending keeps it from drafts, notes
 * and locks.
 */
const ENDING = MODEL_FORMATS.gguf;
const NAMES = new RegExp(`^(.+\\${ENDING})(\\.part)?$`);
const DRAFT = new RegExp(`\\${ENDING}\\..*draft(?:\\..*)?$`);

/** @returns where the cache keeps a model. */
export function cachedPath(folder: string, name: string): string {
  return join(folder, `${name}${ENDING}`);
}

/**
 * Removes files of the cache, the least recently used first, until all together fit the bound and the disk
 * holds what comes. What is held, being made, or being fetched stays. Drafts that nobody writes any more go.
 */
export async function makeRoom(folder: string, room: Room): Promise<void> {
  const { limitBytes, keep } = room;
  const coming = room.comingBytes ?? 0;
  const freeBytes = room.freeBytes ?? (() => freeOn(folder));
  await dropOldDrafts(folder);
  const files = await cached(folder);
  const bound = coming > limitBytes ? limitBytes : limitBytes - coming;
  let total = files.reduce((sum, file) => sum + file.bytes, 0);
  // A file that the disk cannot hold even then is no reason to lose the others.
  const needed = coming > 0 && (await freeBytes()) + total >= coming ? coming : 0;
  for (const file of files.sort((a, b) => a.usedMilliseconds - b.usedMilliseconds)) {
    if (total <= bound && (needed === 0 || (await freeBytes()) >= needed)) return;
    if (file.path === keep) continue;
    const gone = await ifUnlocked(lockOf(file.path), async () => {
      if (await isHeld(file.path)) return false;
      for (const path of file.files) await rm(path, { force: true, recursive: true });
      await rm(besideGguf(file.path), { recursive: true, force: true });
      return true;
    });
    if (gone === true) total -= file.bytes;
  }
}

/** @returns the lock of a file of the cache: who holds it makes, fetches, finds or removes the file. */
export function lockOf(path: string): string {
  return `${path.slice(0, -ENDING.length)}.lock`;
}

async function cached(folder: string): Promise<Cached[]> {
  const found = new Map<string, Cached>();
  for (const name of await readdir(folder)) {
    const [, model, part = ''] = NAMES.exec(name) ?? [];
    if (model === undefined) continue;
    const path = join(folder, model);
    const note = `${path}${part}.json`;
    const [file, beside] = await Promise.all([
      stat(`${path}${part}`).catch(() => null),
      stat(note).catch(() => null),
    ]);
    if (file === null) continue;
    const bytes = file.isDirectory() ? await bytesIn(path) : file.size;
    const own = part === '' && beside !== null ? 0 : file.mtimeMs;
    const usedMilliseconds = Math.max(beside?.mtimeMs ?? 0, own);
    const of = join(folder, withoutPart(model));
    const entry = found.get(of) ?? { path: of, files: [], bytes: 0, usedMilliseconds: 0 };
    entry.files.push(note, `${path}${part}`, ...(part === '' ? [`${path}.report.json`] : []));
    entry.bytes += bytes;
    entry.usedMilliseconds = Math.max(entry.usedMilliseconds, usedMilliseconds);
    found.set(of, entry);
  }
  return [...found.values()];
}

/** A model that is a folder: its files lie beside each other. */
async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder))
    bytes += (await stat(join(folder, name)).catch(() => null))?.size ?? 0;
  return bytes;
}

/**
 * A maker that was killed left them; one that lives writes to its own every few seconds, or holds the lock.
 */
async function dropOldDrafts(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((one) => DRAFT.test(one))) {
    const path = cachedPath(folder, name.slice(0, name.indexOf(ENDING)));
    await ifUnlocked(lockOf(path), () => rm(join(folder, name), { force: true, recursive: true }));
  }
}

async function freeOn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
