import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { About, BodyStore } from './store.js';

/**
 * A folder with a file for each body, in folders of the first two digits of their digests. Files that are
 * moved here have to be on the same disk.
 */
export function folderBodies(folder: string): BodyStore {
  const pathOf = (hex: string): string => join(folder, hex.slice(0, 2), hex);
  const statOf = async (hex: string): Promise<About | null> => {
    const found = await stat(pathOf(hex)).catch(() => null);
    return found === null ? null : { bytes: found.size, at: found.mtimeMs };
  };
  return {
    name: `the folder ${folder}`,
    has: async (hex) => {
      const now = new Date();
      return await utimes(pathOf(hex), now, now).then(
        () => true,
        () => false,
      );
    },
    statOf,
    async *list() {
      for (const two of await readdir(folder).catch(() => [])) {
        if (!/^[0-9a-f]{2}$/.test(two)) continue;
        for (const hex of await readdir(join(folder, two))) {
          const found = await statOf(hex);
          if (found !== null) yield { hex, ...found };
        }
      }
    },
    remove: (hex) => rm(pathOf(hex), { force: true }),
    async put(hex, path) {
      const parent = join(folder, hex.slice(0, 2));
      await mkdir(parent, { recursive: true });
      await synced(path);
      await rename(path, pathOf(hex));
      await synced(parent);
    },
    open: async (hex) => ((await statOf(hex)) === null ? null : createReadStream(pathOf(hex))),
  };
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
