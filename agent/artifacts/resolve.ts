import { type Failure, FailureError, failure } from '../../core/errors.js';
import type { ModelFacts } from '../../core/experiment/experiment.js';
import { isRemote } from '../../core/models/remote.js';
import { isSynthetic, readSynthetic, type SyntheticModel } from '../../core/models/synthetic.js';
import { FormatError, type Inspected } from '../../formats/format.js';
import { modelFacts } from '../../formats/gguf/facts.js';
import { inspectHeader } from '../../formats/gguf/format.js';
import { GgufError } from '../../formats/gguf/reader.js';
import { formatOf } from '../../formats/index.js';
import { digestOf } from './digest.js';
import { cachedModel, type FetchRequest, remoteNamed } from './remote/cache.js';
import { expectedDigest } from './remote/fetch.js';
import { peek } from './remote/peek.js';
import { requireAllowed, type SourcePolicy } from './remote/policy.js';
import { mismatch } from './remote/refusals.js';
import { locateSource, type SourceSettings } from './source.js';
import { describeSynthetic } from './synthetic/model.js';

export interface ModelSettings extends SourceSettings {
  readonly cacheFolder: string;
  /** What may be fetched, and the bound of the cache it comes to; left out = nothing may. */
  readonly sources?: { readonly policy: SourcePolicy; readonly artifactBytes: number };
}

/** How a model is opened that has to be fetched first. */
export type Opening = Partial<Omit<FetchRequest, 'source'>>;

export interface ResolvedModel {
  /** Real path of a file whose header has been checked; null for a synthetic model, which the store writes when it is run. */
  readonly path: string | null;
  readonly digest: string;
  readonly facts: ModelFacts;
  /** Bytes of all weight tensors, the header left out. */
  readonly weightBytes: number;
  /** null for a file, whatever made it. */
  readonly synthetic: SyntheticModel | null;
  /** Where it was fetched from; left out for what was here. */
  readonly fetchedFrom?: string;
  /** The file says that its weights are random (`ridgepoint.synthetic`), so it has a speed but no quality. */
  readonly randomWeights: boolean;
}

/**
 * Opens what a sweep calls a model: finds the file, checks its header in plain JavaScript, and names it by
 * its digest. A synthetic model is described without being written; one from elsewhere is fetched.
 * @throws FailureError `source-not-allowed`, `model-missing`, `model-unreadable`, and what fetching throws.
 */
export async function resolveModel(
  source: string,
  settings: ModelSettings,
  opening: Opening = {},
): Promise<ResolvedModel> {
  if (isSynthetic(source)) return resolveSynthetic(source);
  if (isRemote(source)) return await resolveRemote(source, settings, opening);
  const path = locateSource(source, settings);
  const known = { path, synthetic: null, ...inspect(path, source) };
  try {
    return { ...known, digest: await digestOf(path, settings.cacheFolder) };
  } catch (error) {
    throw unreadable(source, (error as Error).message);
  }
}

/**
 * Reads a model's header where it lies, and its digest where a hub knows it, without fetching the weights.
 * @param digest what the sweep says; null = nothing.
 * @throws FailureError as resolveModel does.
 */
export async function peekModel(
  source: string,
  digest: string | null,
  settings: ModelSettings,
): Promise<{ digest: string | null; facts: ModelFacts }> {
  const remote = remoteNamed(source);
  const policy = settings.sources?.policy ?? null;
  requireAllowed(source, remote, policy);
  const asking = { kind: remote.kind, policy, signal: new AbortController().signal };
  const { header, digest: found } = await peek(source, remote, asking);
  const expected = expectedDigest(source, remote, digest);
  if (expected !== null && found !== null && expected !== found)
    throw mismatch(`${source} is ${found} on the hub, and should be ${expected}`);
  try {
    return { digest: expected ?? found, facts: modelFacts(header) };
  } catch (error) {
    if (error instanceof GgufError) throw unreadable(source, error.message);
    throw error;
  }
}

async function resolveRemote(
  source: string,
  { cacheFolder, sources }: ModelSettings,
  { digest = null, uses = null, ...rest }: Opening,
): Promise<ResolvedModel> {
  const settings = {
    cacheFolder,
    policy: sources?.policy ?? null,
    artifactBytes: sources?.artifactBytes ?? 0,
  };
  const { path, address, digest: found } = await cachedModel({ source, digest, uses, ...rest }, settings);
  return { path, digest: found, synthetic: null, fetchedFrom: address, ...inspect(path, source) };
}

function resolveSynthetic(source: string): ResolvedModel {
  const reading = readSynthetic(source);
  if (!reading.ok) throw new FailureError(failure('model-missing', reading.reason, { hint: reading.hint }));
  const { header, digest } = describeSynthetic(reading.model);
  return { path: null, digest, synthetic: reading.model, ...inspectHeader(header) };
}

function inspect(path: string, source: string): Inspected {
  try {
    return formatOf(path).inspect(path);
  } catch (error) {
    if (error instanceof FormatError) throw unreadable(source, error.message, error.hint);
    const reason = error instanceof Error ? error.message : String(error);
    throw new FailureError(failure('model-missing', `the model ${source} cannot be read: ${reason}`), {
      cause: error,
    });
  }
}

function unreadable(source: string, why: string, hint: string | null = null): FailureError {
  const rest: Partial<Failure> = {
    hint: hint ?? 'Get the file again, or name another one; `ridge models` shows what is here.',
  };
  return new FailureError(failure('model-unreadable', `the model ${source} is not usable: ${why}`, rest));
}
