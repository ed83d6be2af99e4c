import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BodyReference } from '../../core/result/bodies.js';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';
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

/** @returns the record of a line, or in a clause why it is none. */
export function recordOf(line: string): ResultRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'it is not JSON';
  }
  const parsed = resultSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return `it is not a result record: ${issue?.path.join('.')}: ${issue?.message}`;
}

/** @returns where a body is in one of these folders, by its digest; null = nowhere. */
export function bodyFile(folders: readonly string[], digest: string): string | null {
  const hex = hexOf(digest);
  for (const folder of folders) {
    const found = existsSync(folder) ? readdirSync(folder).find((name) => name.startsWith(hex)) : undefined;
    if (found !== undefined) return join(folder, found);
  }
  return null;
}

/** `sha256:<hex>` without its head. */
export const hexOf = (digest: string) => digest.replace(/^sha256:/, '');
