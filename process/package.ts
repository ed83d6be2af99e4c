import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The folder with package.json, models/ and dist/: one above the sources of this room, two above what is
 * built of them.
 */
export const PACKAGE_ROOT: string = ['..', '../..']
  .map((place) => join(import.meta.dirname, place))
  .find((folder) => existsSync(join(folder, 'package.json')))!;

/** What of package.json is asked for at run time. */
export const MANIFEST = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
  /** Package → version. */
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

/** Version of this package. */
export const VERSION: string = MANIFEST.version;

/**
 * @param path below dist/
 * @returns the path of a file that `npm run build` made; null where it is missing.
 */
export function builtFile(path: string): string | null {
  const built = join(PACKAGE_ROOT, 'dist', path);
  return existsSync(built) ? built : null;
}
