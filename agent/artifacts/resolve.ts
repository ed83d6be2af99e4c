import { type Failure, FailureError, failure } from '../../core/errors.js';
import type { ModelFacts } from '../../core/sweep/experiment.js';
import { digestOf } from './digest.js';
import { modelFacts, weightBytes } from './gguf/facts.js';
import { readGgufHeader } from './gguf/header.js';
import { GgufError } from './gguf/reader.js';
import { locateSource, type SourceSettings } from './source.js';

export interface ModelSettings extends SourceSettings {
  readonly cacheFolder: string;
}

export interface ResolvedModel {
  /** Real path of a file whose header has been checked. */
  readonly path: string;
  readonly digest: string;
  readonly facts: ModelFacts;
  /** Bytes of all weight tensors, the header left out. */
  readonly weightBytes: number;
}

/**
 * Opens what a sweep calls a model: finds the file, checks its header in plain JavaScript, and names it by
 * its digest.
 * @throws FailureError `source-not-allowed`, `model-missing`, `model-unreadable`.
 */
export async function resolveModel(source: string, settings: ModelSettings): Promise<ResolvedModel> {
  const path = locateSource(source, settings);
  const { facts, weights } = inspect(path, source);
  try {
    return { path, facts, weightBytes: weights, digest: await digestOf(path, settings.cacheFolder) };
  } catch (error) {
    throw unreadable(source, (error as Error).message);
  }
}

function inspect(path: string, source: string): { facts: ModelFacts; weights: number } {
  try {
    const header = readGgufHeader(path);
    return { facts: modelFacts(header), weights: weightBytes(header) };
  } catch (error) {
    if (error instanceof GgufError) throw unreadable(source, error.message);
    const reason = error instanceof Error ? error.message : String(error);
    throw new FailureError(failure('model-missing', `the model ${source} cannot be read: ${reason}`), {
      cause: error,
    });
  }
}

function unreadable(source: string, why: string): FailureError {
  const rest: Partial<Failure> = {
    hint: 'Get the file again, or name another one; `ridge models` shows what is here.',
  };
  return new FailureError(failure('model-unreadable', `the model ${source} is not usable: ${why}`, rest));
}
