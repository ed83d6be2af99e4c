import { filesOf } from '../../artifacts/files/tree.js';
import type { ModelFormat } from '../../core/models/formats.js';
import { orElse } from '../../core/or-else.js';
import { formatOf } from '../../formats/index.js';

/** @returns whether a model of a format is there, as far as can be told without opening it. */
export function isModel(path: string, format: ModelFormat): boolean {
  return orElse(() => formatOf(path).name === format, false);
}

/** @returns whether a folder is as `convert` writes it: a model of the format with its weights, and not one file that is none of it. */
export function isModelAlone(path: string, format: ModelFormat): boolean {
  try {
    const { name, inspect, files } = formatOf(path);
    if (name !== format) return false;
    inspect(path);
    const own = new Set(files(path));
    return filesOf(path).every((file) => own.has(file));
  } catch {
    return false;
  }
}
