import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The folder with package.json, models/ and dist/. It is looked for upwards, because the build decides which
 * file of dist/ has this code.
 */
export const PACKAGE_ROOT: string = enclosingPackage(import.meta.dirname);

/** Whether this process runs the sources, by a loader of TypeScript, and not what is built of them. */
export const RUNS_FROM_SOURCE: boolean = import.meta.filename.endsWith('.ts');

function enclosingPackage(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : enclosingPackage(dirname(folder));
}

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
