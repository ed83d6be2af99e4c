import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { locateText } from '../../artifacts/files/text.js';
import { BUILTIN_TEXT } from '../../core/techniques/calibration-spec.js';
import { usageError } from '../exit.js';

/**
 * @returns the path of a text that was named, or of the one that ships.
 * @throws CommandError (2) where there is none.
 */
export function textFile(named: string | undefined): string {
  if (named === undefined) return locateText(BUILTIN_TEXT, { modelFolders: [] });
  const path = resolve(named);
  if (existsSync(path) && !statSync(path).isDirectory()) return path;
  throw usageError(`there is no text ${named}`, 'Name a UTF-8 text file with --text.');
}
