import { lstatSync, readdirSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/**
 * @returns the files of a model: its own, or all below a folder, in the order of their names.
 * @throws errors of readdir(3)
 */
export function filesOf(path: string): string[] {
  if (!lstatSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesOf(join(path, name)));
}

/** @returns the bytes of a file, or of all below a folder. */
export function bytesOf(path: string): number {
  return filesOf(path).reduce((sum, file) => sum + lstatSync(file).size, 0);
}

/** Copies files that lie below a folder to the same places below another. */
export async function copyInto(to: string, from: string, files: readonly string[]): Promise<void> {
  for (const file of files) {
    const place = join(to, relative(from, file));
    await mkdir(dirname(place), { recursive: true });
    await copyFile(file, place);
  }
}
