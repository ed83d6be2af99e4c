import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { usageError } from '../exit.js';

/** @returns the path of a file to write. @throws CommandError (2) when its folder is not there, or something else is. */
export function outputPath(output: string, force: boolean): string {
  const path = resolve(output);
  const folder = dirname(path);
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw usageError(`there is no folder ${folder}`, 'Make it, or name another place.');
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) throw usageError(`${output} is a folder`, 'Name a file in it.');
  if (there !== undefined && !force)
    throw usageError(`${output} is there already`, 'Use --force to replace it.');
  return path;
}
