import { createReadStream } from 'node:fs';
import { access, mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { BodyStore } from './store.js';

/** A folder with a file for each body, in folders of the first two digits of their digests. Files that are moved here have to be on the same disk. */
export function folderBodies(folder: string): BodyStore {
  const pathOf = (hex: string): string => join(folder, hex.slice(0, 2), hex);
  const has = (hex: string): Promise<boolean> =>
    access(pathOf(hex)).then(
      () => true,
      () => false,
    );
  return {
    name: `the folder ${folder}`,
    has,
    async put(hex, path) {
      const parent = join(folder, hex.slice(0, 2));
      await mkdir(parent, { recursive: true });
      await synced(path);
      await rename(path, pathOf(hex));
      await synced(parent);
    },
    open: async (hex) => ((await has(hex)) ? createReadStream(pathOf(hex)) : null),
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
