import { join } from 'node:path';
import { FailureError, failure } from '../../core/errors.js';
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
  throw new FailureError(
    failure('model-missing', `there is no builtin text ${JSON.stringify(source)}`, { hint }),
  );
}
