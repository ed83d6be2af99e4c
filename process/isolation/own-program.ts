import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PACKAGE_ROOT, RUNS_FROM_SOURCE } from '../package.js';

/**
 * A program of ours for Node.js: what the loader of TypeScript takes where there is nothing built, and its
 * file.
 */
export interface OwnProgram {
  /** Built code needs no loader. */
  readonly loader: readonly string[];
  readonly path: string;
}

/**
 * Whoever runs from source starts programs from source, and whoever is built starts built ones.
 * @param name the program's path in this repository, without its ending: `agent/worker`.
 */
export function ownProgram(name: string): OwnProgram {
  if (!RUNS_FROM_SOURCE) return { loader: [], path: join(PACKAGE_ROOT, 'dist', `${name}.js`) };
  const loader = ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
  return { loader, path: join(PACKAGE_ROOT, `${name}.ts`) };
}
