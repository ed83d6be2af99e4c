import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Format } from './format.js';
import { FORMATS } from './index.js';

/**
 * Finds the models of a folder by names, as people keep them: in it, or in a folder of it. Hidden folders are
 * left out.
 * @param depth folders below each other that are looked into.
 * @returns paths, sorted. @throws errors of readdir(3) of the folder itself.
 */
export function modelsIn(folder: string, formats: readonly Format[] = FORMATS, depth = 2): string[] {
  const isModel = (unit: Format['unit'], path: string) =>
    formats.some((format) => format.unit === unit && format.claims(path));
  const paths = readdirSync(folder)
    .sort()
    .map((name) => ({ name, path: join(folder, name) }));
  const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const named = paths.filter(({ path }) => !isFolder(path) && isModel('file', path)).map(({ path }) => path);
  const parts = new Set(named.flatMap((path) => partsOf(path, formats)));
  const files = named.filter((path) => !parts.has(path));
  // A repository of files of another format often has the config of the model that they were made of.
  if (files.length === 0 && isModel('folder', folder)) return [folder];
  const below = paths.filter(({ name, path }) => depth > 1 && !name.startsWith('.') && isFolder(path));
  return [...files, ...below.flatMap(({ path }) => readable(path, formats, depth - 1))].sort();
}

/** @returns files that belong to a model, such as the vocabulary beside a graph. */
function partsOf(path: string, formats: readonly Format[]): readonly string[] {
  return formats.find(({ unit, claims }) => unit === 'file' && claims(path))?.companionFiles(path) ?? [];
}

function readable(folder: string, formats: readonly Format[], depth: number): string[] {
  try {
    return modelsIn(folder, formats, depth);
  } catch {
    // A folder of somebody else's inside of the one that was named.
    return [];
  }
}
