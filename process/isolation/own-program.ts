import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

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
 * @param name without its ending, as an import would say it: `./main`.
 * @param from `import.meta.url` of who names it; it runs from source or built, and so does the program.
 */
export function ownProgram(name: string, from: string): OwnProgram {
  const here = fileURLToPath(from);
  if (!here.endsWith('.ts')) return { loader: [], path: fileURLToPath(new URL(`${name}.js`, from)) };
  const loader = ['--import', pathToFileURL(createRequire(here).resolve('tsx')).href];
  return { loader, path: fileURLToPath(new URL(`${name}.ts`, from)) };
}
