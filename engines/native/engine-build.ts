import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { digestOfAll } from '../../process/digest.js';
import { cacheFolder } from './engines/location.js';

/**
 * What tells builds of one release apart: the first 16 hex digits of the SHA-256 of an engine's libraries. It
 * is kept by size and time of change of the files, so that a trial does not read them; which files they were
 * is kept, too.
 */
export async function buildOf(files: readonly string[]): Promise<string> {
  const build = await digestOfFiles(files);
  const path = filesOf(build);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(files));
  } catch {
    // A cache that cannot be written: what this build measured is measured again.
  }
  return build;
}

/** @returns whether the files that were this build when it last ran here are it still. */
export async function isBuildHere(build: string): Promise<boolean> {
  return (await filesOfBuild(build)) !== null;
}

/**
 * @returns the folder with the library of this name that a build last ran from here; null where there is
 *   none, or it is another build now.
 */
export async function buildFolder(build: string, library: RegExp): Promise<string | null> {
  const files = await filesOfBuild(build);
  const file = files?.find((path) => library.test(basename(path)));
  return file === undefined ? null : dirname(file);
}

async function filesOfBuild(build: string): Promise<readonly string[] | null> {
  try {
    // What is no list of files has another digest, or none.
    const files = JSON.parse(readFileSync(filesOf(build), 'utf8')) as readonly string[];
    return (await digestOfFiles(files)) === build ? files : null;
  } catch {
    return null;
  }
}

async function digestOfFiles(files: readonly string[]): Promise<string> {
  const [, hex = ''] = (await digestOfAll(files, cacheFolder())).split(':');
  return hex.slice(0, 16);
}

const filesOf = (build: string) => join(cacheFolder(), 'builds', `${build}.json`);
