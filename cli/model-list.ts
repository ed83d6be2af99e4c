import { join, resolve } from 'node:path';
import { builtinFolder, builtinNames } from '../artifacts/files/source.js';
import type { ModelFacts } from '../core/experiment/experiment.js';
import { fileProblem } from '../core/input/file-problem.js';
import type { Format } from '../formats/format.js';
import { FORMATS, formatOf } from '../formats/index.js';
import { modelsIn } from '../formats/scan.js';
import { say } from './output/print.js';

/** A model that lies on this machine. */
export interface ListedModel {
  /** What a sweep calls it: `builtin:small`, or its path. */
  readonly source: string;
  readonly path: string;
  /** null with the reason when the file is not usable. */
  readonly facts: ModelFacts | null;
  readonly problem: string | null;
}

/**
 * @param folders that are looked into beside the shipped models; one that cannot be read is said and passed
 *   over.
 * @param formats that models may have.
 */
export function localModels(folders: readonly string[], formats: readonly Format[] = FORMATS): ListedModel[] {
  const shipped = builtinNames().map(({ name, file }) =>
    inspect(`builtin:${name}`, join(builtinFolder(), file), formats),
  );
  const found = folders.flatMap((folder) =>
    pathsIn(resolve(folder), formats).map((path) => inspect(path, path, formats)),
  );
  return [...shipped, ...found];
}

function inspect(source: string, path: string, formats: readonly Format[]): ListedModel {
  try {
    const { facts, weightBytes } = formatOf(path, formats).inspect(path);
    return { source, path, facts: { ...facts, bytes: weightBytes ?? facts.bytes }, problem: null };
  } catch (error) {
    return { source, path, facts: null, problem: `not usable: ${(error as Error).message}` };
  }
}

function pathsIn(folder: string, formats: readonly Format[]): readonly string[] {
  try {
    return modelsIn(folder, formats);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    say(
      `${folder}: ${code === 'ENOENT' ? 'there is no such folder' : code === 'ENOTDIR' ? 'it is no folder' : fileProblem(error)}`,
    );
    return [];
  }
}

/** @returns `8.4 M`, `1.2 G`: parameters as model cards write them. */
export function parameterCount(parameters: number | null): string | null {
  if (parameters === null) return null;
  if (parameters >= 1e9) return `${(parameters / 1e9).toFixed(1)} G`;
  return `${(parameters / 1e6).toFixed(1)} M`;
}
