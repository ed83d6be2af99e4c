import { existsSync } from 'node:fs';

/** @returns the folder with package.json, as a URL; the same from the sources and from dist/. */
export function packageRoot(): URL {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const parent = new URL('..', folder);
    if (parent.href === folder.href) throw new Error('package.json of ridgepoint not found');
    folder = parent;
  }
  return folder;
}
