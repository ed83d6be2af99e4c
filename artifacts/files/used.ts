import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Marks a file as used just now: the time of its last change is the time of its last use.
 * @returns whether it is there.
 */
export async function touched(path: string): Promise<boolean> {
  const now = new Date();
  return await utimes(path, now, now).then(
    () => true,
    () => false,
  );
}

/**
 * Removes files of a folder, the longest unused first, until all together have at most so many bytes; `kept`
 * stays.
 */
export async function trimFolder(
  folder: string,
  isOne: (name: string) => boolean,
  mostBytes: number,
  kept: string,
): Promise<void> {
  const paths = (await readdir(folder)).filter(isOne).map((name) => join(folder, name));
  const files = await Promise.all(
    paths.map(async (path) => {
      const { size = 0, mtimeMs = 0 } = (await stat(path).catch(() => null)) ?? {};
      return { path, size, mtimeMs };
    }),
  );
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (total <= mostBytes) return;
    if (path === kept) continue;
    await rm(path, { force: true });
    total -= size;
  }
}
