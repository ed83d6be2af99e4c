import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder with package.json, models/ and dist/: one above the sources of this room, two above what is built of them. */
export const PACKAGE_ROOT: string = ['..', '../..']
  .map((place) => join(import.meta.dirname, place))
  .find((folder) => existsSync(join(folder, 'package.json')))!;

/** Version of this package, from its package.json. */
export const VERSION: string = (
  JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string }
).version;

/**
 * @param path below dist/
 * @returns the path of a file that `npm run build` made, or a release carries; null where it is missing.
 */
export function builtFile(path: string): string | null {
  const built = join(PACKAGE_ROOT, 'dist', path);
  return existsSync(built) ? built : null;
}
