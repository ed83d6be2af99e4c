import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failed } from '../../core/errors.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { BUILTIN_TEXT } from '../../core/techniques/calibration-spec.js';
import { builtinFolder, locateSource, type SourceSettings } from './source.js';

/** The file of `builtin:sample` in models/. */
const SAMPLE = 'sample.txt';

/**
 * Finds the text that a sweep names: the one that ships, or a file below a model folder.
 * @throws FailureError `source-not-allowed`, `model-missing`.
 */
export function locateText(source: string, settings: SourceSettings): string {
  if (source === BUILTIN_TEXT) return join(builtinFolder(), SAMPLE);
  if (!source.startsWith('builtin:')) return locateSource(source, settings);
  const hint = `The builtin text is ${BUILTIN_TEXT}.`;
  throw failed('model-missing', `there is no builtin text ${JSON.stringify(source)}`, hint);
}

/**
 * Reads a UTF-8 text as llama.cpp's tools do: without a newline at its end.
 * @throws FailureError `impossible-combination`.
 */
export function readText(path: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(readFileSync(path));
    return text.endsWith('\n') ? text.slice(0, -1) : text;
  } catch (error) {
    const why = error instanceof TypeError ? 'it is not UTF-8 text' : fileProblem(error);
    throw failed('impossible-combination', `the text ${path} cannot be read: ${why}`);
  }
}
