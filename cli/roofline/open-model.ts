import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { locateSource } from '../../artifacts/files/source.js';
import { describeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { FailureError, failed } from '../../core/errors.js';
import { withoutEnding } from '../../core/models/formats.js';
import { isRemote } from '../../core/models/remote.js';
import { isSynthetic, readSynthetic } from '../../core/models/synthetic.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { CONFIG } from '../../formats/config-json.js';
import { FormatError } from '../../formats/format.js';
import { formatOf } from '../../formats/index.js';
import { namedArchitecture, nearestModel } from '../../roofline/configs/index.js';
import { architectureFromGguf } from '../../roofline/readers/gguf.js';
import type { ArchitectureReading } from '../../roofline/readers/reading.js';

/**
 * Reads what the analytic model must know of a model: `builtin:NAME` or a GGUF file by its header, a
 * safetensors folder by its config and headers, a config.json alone, a `synthetic:` shape, which is not
 * written, or a published model by its name.
 * @throws FailureError `model-missing`, `model-unreadable`, `source-not-allowed`
 */
export function openArchitecture(source: string, modelFolders: readonly string[]): ModelArchitecture {
  const reading = readingOf(source, modelFolders);
  if (reading.ok) return reading.architecture;
  throw unreadable(source, reading.reason, reading.hint);
}

function readingOf(source: string, modelFolders: readonly string[]): ArchitectureReading {
  if (isSynthetic(source)) return readShape(source);
  if (isRemote(source))
    throw missing(
      `${source} would have to be fetched, and the analytic model reads what is here`,
      'Name a published model (`ridge roofline --list`), or give its config.json.',
    );
  const places = [resolve(source), ...modelFolders.map((folder) => resolve(folder, source))];
  const path = places.find((place) => existsSync(place));
  if (path === undefined) {
    if (withoutEnding(source) !== source || /^[a-z]+:|\.json$/i.test(source))
      return readShapes(source, locateSource(source, { modelFolders }));
    const named = namedArchitecture(source);
    if (named.ok) return named;
    const guess = nearestModel(source);
    const meant = guess === null ? '' : `Did you mean ${guess}? `;
    throw missing(
      `there is no file ${source}, and ${named.reason}`,
      `${meant}\`ridge roofline --list\` shows every published model.`,
    );
  }
  if (!statSync(path).isDirectory()) return readShapes(source, path);
  if (!existsSync(join(path, CONFIG)))
    throw missing(`${source} has no ${CONFIG}`, 'Name the folder that a model was published as.');
  return readShapes(source, path);
}

function readShape(source: string): ArchitectureReading {
  const shape = readSynthetic(source);
  if (!shape.ok) throw missing(shape.reason, shape.hint);
  return architectureFromGguf(describeSynthetic(shape.model).header);
}

function readShapes(source: string, path: string): ArchitectureReading {
  try {
    return formatOf(path).shapes(path);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const hint = 'Get the file again, or name another one; `ridge models` shows what is here.';
    throw unreadable(source, error.message, error.hint ?? hint);
  }
}

/** Opens names one after the other, so that all that lead nowhere are said at once. */
export class Openings {
  readonly failures: { readonly message: string; readonly hint: string | null }[] = [];

  /** @returns null for what leads nowhere. */
  async try<T>(work: () => T | Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      this.failures.push(error.failure);
      return null;
    }
  }

  /** What went wrong, with what to do below each. */
  get text(): string {
    return this.failures
      .map(({ message, hint }) => (hint === null ? message : `${message}\n       ${hint}`))
      .join('\n');
  }
}

function missing(message: string, hint: string): FailureError {
  return failed('model-missing', message, hint);
}

function unreadable(source: string, why: string, hint: string): FailureError {
  return failed('model-unreadable', `the model ${source} is not usable: ${why}`, hint);
}
