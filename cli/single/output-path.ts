import { readdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { usageError } from '../exit.js';

/**
 * @returns the path of a file to write.
 * @throws CommandError (2) when its folder is not there, or something else is.
 */
export function outputPath(output: string, force: boolean): string {
  const path = placeOf(output);
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) throw usageError(`${output} is a folder`, 'Name a file in it.');
  if (there !== undefined && !force)
    throw usageError(`${output} is there already`, 'Use --force to replace it.');
  return path;
}

/**
 * @param isReplaced whether a folder that is there is one of those that are written, and nothing else.
 * @returns the path of a folder to write. @throws CommandError (2) as `outputPath` does.
 */
export function outputFolder(output: string, force: boolean, isReplaced: (path: string) => boolean): string {
  const path = placeOf(output);
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined) return path;
  if (!there.isDirectory())
    throw usageError(`${output} is a file, and a folder is written`, 'Name another place.');
  if (readdirSync(path).length === 0) return path;
  if (!isReplaced(path))
    throw usageError(
      `${output} is there, and holds something else than what is written`,
      'Name another place with --out.',
    );
  if (!force)
    throw usageError(
      `${output} is there already`,
      'Use --force to replace it, or name another place with --out.',
    );
  return path;
}

function placeOf(output: string): string {
  const path = resolve(output);
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return path;
  throw usageError(`there is no folder ${folder}`, 'Make it, or name another place.');
}
