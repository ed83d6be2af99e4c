import { open, readFile, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownerLives, ownMark, REFRESH_MILLISECONDS } from './owner.js';
import { touched } from './used.js';

const LOOK_AGAIN_MILLISECONDS = 200;

/** Runs the work while no other process holds the lock file. A lock whose process has died is taken over. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  while (!(await take(path))) await sleep(LOOK_AGAIN_MILLISECONDS);
  return await holding(path, work);
}

/** Does not wait. @returns null when somebody else holds the lock. */
export async function ifUnlocked<T>(path: string, work: () => Promise<T>): Promise<T | null> {
  return (await take(path)) ? await holding(path, work) : null;
}

async function holding<T>(path: string, work: () => Promise<T>): Promise<T> {
  const refresh = setInterval(() => touched(path), REFRESH_MILLISECONDS).unref();
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  if (await create(path)) return true;
  const seen = await readFile(path, 'utf8').catch(() => null);
  if (seen !== null && (await ownerLives(path)) === false) await removeAbandoned(path, seen);
  return await create(path);
}

async function create(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(ownMark());
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Of several who find it abandoned one removes it: whoever holds the file beside it. Meanwhile nobody else
 * can take the lock, for it is there, and nobody else may remove it, for its owner is dead; so what is
 * removed is what was seen.
 */
async function removeAbandoned(path: string, seen: string): Promise<void> {
  const removing = `${path}.removing`;
  if (!(await create(removing))) return await removeForgotten(removing);
  try {
    if ((await readFile(path, 'utf8').catch(() => null)) === seen) await rm(path, { force: true });
  } finally {
    await rm(removing, { force: true });
  }
}

/** Who removes takes a few milliseconds; a process that died just then is waited for no longer than this. */
const REMOVING_MILLISECONDS = 10_000;

async function removeForgotten(removing: string): Promise<void> {
  const since = await stat(removing).catch(() => null);
  if (since !== null && Date.now() - since.mtimeMs > REMOVING_MILLISECONDS)
    await rm(removing, { force: true });
}
