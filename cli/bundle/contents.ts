import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FolderBodies } from '../../artifacts/files/bodies.js';
import type { BodyReference } from '../../core/result/bodies.js';
import { usageError } from '../exit.js';
import { ANSWERS, CALLS, FILES, mustExist } from '../report/run-folder.js';

/** What a bundle is made of. */
export interface Contents {
  readonly name: string;
  /** A record each, as it was stored. */
  readonly lines: readonly string[];
  readonly document: string | null;
  /** Folders with files of answers and calls, by the digests of their contents. */
  readonly bodies: readonly { readonly kind: BodyReference['kind']; readonly folder: string }[];
}

/** @returns what a folder of `ridge run` or a file of records holds. @throws CommandError (2) */
export function contentsOf(path: string): Contents {
  mustExist(path);
  const isFolder = statSync(path).isDirectory();
  const file = isFolder
    ? [FILES.trials, FILES.results].map((name) => join(path, name)).find(existsSync)
    : path;
  if (file === undefined)
    throw usageError(`${path} has no ${FILES.results}`, 'Was the sweep run here? `ridge run FILE`');
  const document = join(path, FILES.sweep);
  return {
    name: path,
    lines: readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== ''),
    document: isFolder && existsSync(document) ? readFileSync(document, 'utf8') : null,
    bodies: isFolder ? ([ANSWERS, CALLS] as const).map((kind) => ({ kind, folder: join(path, kind) })) : [],
  };
}

/** @returns where a body is in one of these folders, by its digest; null = nowhere. */
export function bodyFile(folders: readonly string[], digest: string): string | null {
  return folders.map((folder) => new FolderBodies(folder).pathOf(digest)).find(existsSync) ?? null;
}
