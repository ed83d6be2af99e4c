import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { orElse } from '../core/or-else.js';

interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly inode: number;
  readonly modifiedMilliseconds: number;
  readonly digest: string;
}

/**
 * The digest of a file, `sha256:<hex>`. Reading a model of 100 GB takes minutes, so it is kept by path,
 * size, inode and time of change; a file that changes under the same four is not noticed.
 */
export async function digestOf(path: string, cacheFolder: string): Promise<string> {
  const before = await identityOf(path);
  const file = entryFile(path, cacheFolder);
  const known = await readEntry(file);
  if (known !== null && sameFile(known, before)) return known.digest;

  const digest = `sha256:${await hash(path)}`;
  const after = await identityOf(path);
  // Written to while it was read: the digest belongs to no state of the file, so it is not kept.
  if (sameFile(before, after)) await writeEntry(file, { ...after, digest });
  return digest;
}

/** @returns the digest of several files together, in their order; of one, its own. */
export async function digestOfAll(paths: readonly string[], cacheFolder: string): Promise<string> {
  return joinDigests(await Promise.all(paths.map((path) => digestOf(path, cacheFolder))));
}

/** @returns the digest of several files together by those of each, in order; of one, its own. */
export function joinDigests(digests: readonly string[]): string {
  const [only, ...others] = digests;
  if (only !== undefined && others.length === 0) return only;
  return `sha256:${createHash('sha256').update(digests.join('\n')).digest('hex')}`;
}

/** Keeps a digest that somebody has computed while the file was written. */
export async function rememberDigest(path: string, digest: string, cacheFolder: string): Promise<void> {
  await writeEntry(entryFile(path, cacheFolder), { ...(await identityOf(path)), digest });
}

function entryFile(path: string, cacheFolder: string): string {
  return join(cacheFolder, 'digests', `${createHash('sha256').update(path).digest('hex')}.json`);
}

async function hash(path: string): Promise<string> {
  const sha256 = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }))
    sha256.update(chunk as Buffer);
  return sha256.digest('hex');
}

async function identityOf(path: string): Promise<Omit<Entry, 'digest'>> {
  const { size, ino, mtimeMs } = await stat(path);
  return { path, bytes: size, inode: ino, modifiedMilliseconds: mtimeMs };
}

function sameFile(a: Omit<Entry, 'digest'>, b: Omit<Entry, 'digest'>): boolean {
  const [changedA, changedB] = [a.modifiedMilliseconds, b.modifiedMilliseconds];
  return a.path === b.path && a.bytes === b.bytes && a.inode === b.inode && changedA === changedB;
}

/** What else is wrong with an entry is seen when it is held against the file. */
async function readEntry(file: string): Promise<Entry | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const entry = orElse(() => JSON.parse(text) as Entry, null);
  return /^sha256:[0-9a-f]{64}$/.test(entry?.digest ?? '') ? entry : null;
}

/** A cache that cannot be written costs time, never an answer. */
async function writeEntry(file: string, entry: Entry): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(draft, JSON.stringify(entry));
    await rename(draft, file);
  } catch {
    // Next time it is read again.
  }
}
