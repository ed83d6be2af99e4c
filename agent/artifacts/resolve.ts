import { type Failure, FailureError, failure } from '../../core/errors.js';
import { isSynthetic, readSynthetic, type SyntheticModel } from '../../core/models/synthetic.js';
import type { ModelFacts } from '../../core/sweep/experiment.js';
import { digestOf } from './digest.js';
import { modelFacts, weightBytes } from './gguf/facts.js';
import { type GgufHeader, readGgufHeader } from './gguf/header.js';
import { GgufError } from './gguf/reader.js';
import { locateSource, type SourceSettings } from './source.js';
import { describeSynthetic, SYNTHETIC_KEY } from './synthetic/model.js';

export interface ModelSettings extends SourceSettings {
  readonly cacheFolder: string;
}

export interface ResolvedModel {
  /** Real path of a file whose header has been checked; null for a synthetic model, which the store writes when it is run. */
  readonly path: string | null;
  readonly digest: string;
  readonly facts: ModelFacts;
  /** Bytes of all weight tensors, the header left out. */
  readonly weightBytes: number;
  /** null for a file, whatever made it. */
  readonly synthetic: SyntheticModel | null;
  /** The file says that its weights are random (`ridgepoint.synthetic`), so it has a speed but no quality. */
  readonly randomWeights: boolean;
}

/**
 * Opens what a sweep calls a model: finds the file, checks its header in plain JavaScript, and names it by
 * its digest. A synthetic model is described without being written.
 * @throws FailureError `source-not-allowed`, `model-missing`, `model-unreadable`.
 */
export async function resolveModel(source: string, settings: ModelSettings): Promise<ResolvedModel> {
  if (isSynthetic(source)) return resolveSynthetic(source);
  const path = locateSource(source, settings);
  const known = { path, synthetic: null, ...inspect(path, source) };
  try {
    return { ...known, digest: await digestOf(path, settings.cacheFolder) };
  } catch (error) {
    throw unreadable(source, (error as Error).message);
  }
}

function resolveSynthetic(source: string): ResolvedModel {
  const reading = readSynthetic(source);
  if (!reading.ok) throw new FailureError(failure('model-missing', reading.reason, { hint: reading.hint }));
  const { header, digest } = describeSynthetic(reading.model);
  return { path: null, digest, synthetic: reading.model, ...said(header) };
}

function inspect(path: string, source: string): HeaderFacts {
  try {
    return said(readGgufHeader(path));
  } catch (error) {
    if (error instanceof GgufError) throw unreadable(source, error.message);
    const reason = error instanceof Error ? error.message : String(error);
    throw new FailureError(failure('model-missing', `the model ${source} cannot be read: ${reason}`), {
      cause: error,
    });
  }
}

type HeaderFacts = Pick<ResolvedModel, 'facts' | 'weightBytes' | 'randomWeights'>;

function said(header: GgufHeader): HeaderFacts {
  return {
    facts: modelFacts(header),
    weightBytes: weightBytes(header),
    randomWeights: header.metadata.get(SYNTHETIC_KEY) === true,
  };
}

function unreadable(source: string, why: string): FailureError {
  const rest: Partial<Failure> = {
    hint: 'Get the file again, or name another one; `ridge models` shows what is here.',
  };
  return new FailureError(failure('model-unreadable', `the model ${source} is not usable: ${why}`, rest));
}
