import { FailureError, failed } from '../../../core/errors.js';
import { type Format, FormatError } from '../../../formats/format.js';
import { FORMATS, formatOf } from '../../../formats/index.js';
import type { ArchitectureReading } from '../../../roofline/readers/reading.js';
import { locateBeside, requireLinksInside } from '../source.js';
import type { Look, LookRequest } from './job.js';

/**
 * Looks at a model in this process: its files, which may be links to anywhere, as the source itself may be,
 * then what they say.
 * @param formats that it may have.
 * @throws FailureError `source-not-allowed`, `model-missing`, `model-unreadable`.
 */
export function look({ path, source, modelFolders }: LookRequest, formats = FORMATS): Look {
  try {
    const format = formatOf(path, formats);
    const files = format.files(path);
    if (modelFolders !== null) {
      for (const file of files) if (file !== path) locateBeside(file, source, { modelFolders });
      if (format.unit === 'folder') requireLinksInside(path, source, { modelFolders });
    }
    return { files, inspected: format.inspect(path), shapes: shapesOf(format, path) };
  } catch (error) {
    if (error instanceof FormatError) throw unreadable(source, error.message, error.hint);
    if (error instanceof FailureError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the model ${source} cannot be read: ${reason}`;
    throw failed('model-missing', message, null, { cause: error });
  }
}

/** A model may be run of which no shapes are known. */
function shapesOf({ shapes }: Format, path: string): ArchitectureReading {
  try {
    return shapes(path);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { ok: false, reason: error.message, hint: error.hint ?? 'Get the file again.' };
  }
}

/** @returns what to throw for a model that cannot be used. */
export function unreadable(source: string, why: string, hint: string | null = null): FailureError {
  const usual = 'Get the file again, or name another one; `ridge models` shows what is here.';
  return failed('model-unreadable', `the model ${source} is not usable: ${why}`, hint ?? usual);
}
