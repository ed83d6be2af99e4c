import { failed } from '../../core/errors.js';
import type { ModelFacts } from '../../core/experiment/experiment.js';
import { unopenable } from '../../core/models/conversions.js';
import type { ModelFormat } from '../../core/models/formats.js';
import { isRemote } from '../../core/models/remote.js';
import { isSynthetic, readSynthetic, type SyntheticModel } from '../../core/models/synthetic.js';
import type { Format, Inspected } from '../../formats/format.js';
import { inspectHeader } from '../../formats/gguf/format.js';
import { digestOfAll } from '../../process/digest.js';
import type { Look, LookRequest } from './looking/job.js';
import { look, unreadable } from './looking/look.js';
import { looked } from './looking/looked.js';
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
  /** Formats that models may have; left out = every one there is. */
  readonly formats?: readonly Format[];
}

/** How a model is opened: what fetching it needs, if it has to be fetched, and what will be done with it. */
export interface Opening extends Partial<Omit<FetchRequest, 'source'>> {
  /** Formats that whoever asked can open, also after a conversion; left out = the model is only looked at. */
  readonly runs?: readonly ModelFormat[];
}

export interface ResolvedModel {
  /**
   * Real path of a file or folder whose headers have been checked; null for a synthetic model, which the
   * store writes when it is run.
   */
  readonly path: string | null;
  readonly digest: string;
  readonly facts: ModelFacts;
  /** Bytes of all weight tensors, headers left out; null = its format does not say. */
  readonly weightBytes: number | null;
  /** null for a file, whatever made it. */
  readonly synthetic: SyntheticModel | null;
  /** Where it was fetched from; left out for what was here. */
  readonly fetchedFrom?: string;
  /** The file says that its weights are random (`ridgepoint.synthetic`), so it has a speed but no quality. */
  readonly randomWeights: boolean;
}

/**
 * Opens what a sweep calls a model: finds the file or folder, has its headers checked in plain JavaScript,
 * and names it by its digest. A synthetic model is described without being written; one from elsewhere is
 * fetched.
 * @throws FailureError `source-not-allowed`, `model-missing`, `model-unreadable`, `model-unsupported` for a
 *   model that is none of what runs and cannot be converted to it, and what fetching throws.
 */
export async function resolveModel(
  source: string,
  settings: ModelSettings,
  opening: Opening = {},
): Promise<ResolvedModel> {
  const { runs = null, ...fetching } = opening;
  if (isSynthetic(source)) return requireRuns(resolveSynthetic(source), source, runs);
  if (isRemote(source)) return requireRuns(await resolveRemote(source, settings, fetching), source, runs);
  const path = locateSource(source, settings, 'file or folder');
  const { modelFolders } = settings;
  const { files, inspected } = await lookAt({ path, source, modelFolders }, settings, fetching);
  const known = { path, synthetic: null, ...inspected };
  requireRuns(known, source, runs);
  try {
    return { ...known, digest: await digestOfAll(files, settings.cacheFolder) };
  } catch (error) {
    throw unreadable(source, (error as Error).message);
  }
}

/** Where somebody starts children, one of them looks; a command that a person typed looks itself. */
async function lookAt(
  request: LookRequest,
  { formats }: Pick<ModelSettings, 'formats'>,
  { launcher }: Pick<Opening, 'launcher'>,
): Promise<Look> {
  return launcher === undefined ? look(request, formats) : await looked(request, launcher);
}

/**
 * Reads the header of a model that is on this machine, and computes no digest.
 * @throws FailureError as resolveModel does.
 */
export function headerOf(source: string, settings: SourceSettings): Inspected {
  if (isSynthetic(source)) return resolveSynthetic(source);
  const path = locateSource(source, settings, 'file or folder');
  return look({ path, source, modelFolders: null }).inspected;
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
  const { facts, digest: found } = await peek(source, remote, asking);
  const expected = expectedDigest(source, remote, digest);
  if (expected !== null && found !== null && expected !== found)
    throw mismatch(`${source} is ${found} on the hub, and should be ${expected}`);
  return { digest: expected ?? found, facts };
}

async function resolveRemote(
  source: string,
  modelSettings: ModelSettings,
  { digest = null, uses = null, ...rest }: Partial<Omit<FetchRequest, 'source'>>,
): Promise<ResolvedModel> {
  const { cacheFolder, sources } = modelSettings;
  const settings = { cacheFolder, ...(sources ?? { policy: null, artifactBytes: 0 }) };
  const { path, address, digest: found } = await cachedModel({ source, digest, uses, ...rest }, settings);
  const { inspected } = await lookAt({ path, source, modelFolders: null }, modelSettings, rest);
  return { path, digest: found, synthetic: null, fetchedFrom: address, ...inspected };
}

function resolveSynthetic(source: string): ResolvedModel {
  const reading = readSynthetic(source);
  if (!reading.ok) throw failed('model-missing', reading.reason, reading.hint);
  const { header, digest } = describeSynthetic(reading.model);
  return { path: null, digest, synthetic: reading.model, ...inspectHeader(header) };
}

function requireRuns<Model extends Inspected>(
  model: Model,
  source: string,
  runs: readonly ModelFormat[] | null,
): Model {
  const flaw = runs === null || runs.length === 0 ? null : unopenable(model.facts, runs);
  if (runs === null || flaw === null) return model;
  const message = `the model ${source} ${flaw}`;
  const hint = `Name a ${runs.join(' or ')} file of it; \`ridge roofline\` reads it as it is.`;
  throw failed('model-unsupported', message, hint);
}
