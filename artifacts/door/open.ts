import { failed, toFailure } from '../../core/errors.js';
import type { Experiment, ModelRef } from '../../core/experiment/experiment.js';
import { formatValue } from '../../core/metrics/format.js';
import type { ModelFormat } from '../../core/models/formats.js';
import { isRemote, readRemote } from '../../core/models/remote.js';
import { orElse } from '../../core/or-else.js';
import { DEFAULT_RUNNER, runnerNamed, runnerOffers } from '../../core/runners/index.js';
import { type AdapterSpec, readAdapter } from '../../core/techniques/adapter.js';
import { chainSteps } from '../../core/techniques/chain.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { cacheFolder } from '../../engines/native/engines/location.js';
import { formatOf } from '../../formats/index.js';
import { requireAdapterFits } from '../adapters/load.js';
import { locateAdapter } from '../adapters/source.js';
import { stepsTo } from '../conversions/step.js';
import { type Attended, UNBOUND } from '../files/make-file.js';
import { isAllowed, type SourcePolicy } from '../files/remote/policy.js';
import {
  headerOf,
  type ModelSettings,
  peekModel,
  type ResolvedModel,
  resolveModel,
} from '../files/resolve.js';
import { locateSource, type SourceSettings } from '../files/source.js';
import { ArtifactStore } from '../files/store.js';
import { locateText } from '../files/text.js';

// What commands ask of this room of models: to find, fetch and open them.

/**
 * @param folders where models are looked for first.
 * @param node where they may be, too, and what may be fetched, as its configuration says.
 */
export function modelSettings(
  folders: readonly string[],
  { modelFolders, sources: policy, artifactBytes }: Pick<SourceSettings, 'modelFolders'> & Fetching,
): ModelSettings {
  return {
    modelFolders: [...new Set([...folders, ...modelFolders])],
    cacheFolder: cacheFolder(),
    sources: { policy, artifactBytes },
  };
}

/** What a node may fetch, and the bound of the cache it comes to. */
interface Fetching {
  readonly sources: SourcePolicy;
  readonly artifactBytes: number;
}

/** @returns the models of the hub that a node may not fetch. */
export function refusedModels<Model extends { readonly source: string }>(
  models: readonly Model[],
  policy: SourcePolicy,
): Model[] {
  return models.filter(({ source }) => {
    const reading = readRemote(source);
    return reading.ok && reading.remote.kind === 'hub' && !isAllowed(reading.remote, policy);
  });
}

/** Longer than a header takes. */
const SILENT_MILLISECONDS = 1500;

/**
 * Opens a model, and shows how far it is where it has to be fetched or takes long.
 * @param runs formats that will do, also after a conversion; null = it is only looked at.
 * @param digest what it should be; null = nothing is said.
 * @throws FailureError as `resolveModel` does.
 */
export async function openModel(
  source: string,
  settings: Attended,
  runs: readonly ModelFormat[] | null,
  digest: string | null = null,
): Promise<ResolvedModel> {
  const progress = settings.fetching(source);
  // A model that was not seen before is read from end to end; of one that is fetched the line above tells.
  const slow = setTimeout(() => {
    if (!isRemote(source)) settings.say(`reading ${source} once, for its digest`);
  }, SILENT_MILLISECONDS);
  try {
    const opening = { ...(runs === null ? {} : { runs }), digest, onProgress: progress.update };
    return await resolveModel(source, settings, opening);
  } finally {
    clearTimeout(slow);
    progress.end();
  }
}

/**
 * @param fetched whether a model from elsewhere is fetched; otherwise its header alone is read there.
 * @returns a model of a sweep with what it says of itself.
 * @throws FailureError as `openModel` does; `digest-mismatch`.
 */
export async function describedModel(
  model: ModelRef,
  settings: Attended,
  fetched: boolean,
): Promise<ModelRef> {
  const looks = !fetched && isRemote(model.source);
  const { digest, facts } = looks
    ? await peekModel(model.source, model.digest, settings)
    : await openModel(model.source, settings, null, model.digest);
  if (!looks && model.digest !== null && model.digest !== digest) {
    const message = `the model ${model.name} has the digest ${digest}, not ${model.digest} as the sweep says`;
    throw failed('digest-mismatch', message, 'Get the right file, or correct the digest.');
  }
  return { ...model, digest, facts };
}

/**
 * @returns the models of a sweep with what the headers of those that lie here say. The others stay as they
 *   are: who submits a sweep need not have what nodes run, so nothing that is missing or broken here is an
 *   error.
 */
export function withHeadersHere(
  models: readonly ModelRef[],
  modelFolders: readonly string[],
): readonly ModelRef[] {
  return models.map((model) => {
    try {
      return { ...model, facts: headerOf(model.source, { modelFolders }).facts };
    } catch (error) {
      if (toFailure(error).code === 'internal') throw error;
      return model;
    }
  });
}

/** What commands that run or change one model open. */
export const OPENED_BY_COMMANDS: readonly ModelFormat[] = runnerNamed(DEFAULT_RUNNER)?.formats ?? [];

export const storeOf = ({ cacheFolder: folder }: ModelSettings) =>
  new ArtifactStore({ cacheFolder: folder, artifactBytes: Number.POSITIVE_INFINITY });

/** A model that is a file, or a folder, in a format that was asked for. */
export interface ModelFile extends ResolvedModel {
  readonly path: string;
}

/**
 * @param opens formats that it may have.
 * @returns the model as a file: a synthetic model is written into the cache first, and one of another format
 *   converted there.
 * @throws FailureError as a trial's artifact does.
 */
export async function asFile(
  base: ResolvedModel,
  settings: Attended,
  opens: readonly ModelFormat[] = OPENED_BY_COMMANDS,
): Promise<ModelFile> {
  const steps = stepsTo(base, opens);
  if (base.path !== null && steps.length === 0) return { ...base, path: base.path };
  const size = formatValue(base.facts.bytes, 'B');
  settings.say(steps.length === 0 ? `writing the synthetic model, ${size}` : `converting the model, ${size}`);
  const { path } = await storeOf(settings).prepare({ base, steps, ...UNBOUND }, settings.launcher);
  return { ...base, path };
}

/**
 * Opens a model as a file.
 * @param withoutRandom why a model with random weights will not do, to stand behind its name; left out = it
 *   will.
 * @throws FailureError as `openModel` and `asFile` do; `impossible-combination` for random weights.
 */
export async function openFile(
  source: string,
  settings: Attended,
  opens: readonly ModelFormat[] = OPENED_BY_COMMANDS,
  withoutRandom?: string,
): Promise<ModelFile> {
  const model = await openModel(source, settings, opens);
  if (withoutRandom !== undefined && model.path === null)
    throw failed(
      'impossible-combination',
      `${source} ${withoutRandom}`,
      'Name a GGUF file, or builtin:small.',
    );
  return await asFile(model, settings, opens);
}

/** Something that an experiment needs of the files that it names. */
interface FileCheck {
  /** The same for experiments that ask the same. */
  readonly key: string;
  /** @throws FailureError for what is not here, or does not fit. */
  readonly check: () => Promise<unknown>;
}

/**
 * @returns what tells whether the texts and adapters of an experiment are here, and whether adapters fit
 *   their models.
 */
export function fileChecks(
  { model, technique, workload, runner }: Experiment,
  settings: Attended,
): FileCheck[] {
  const checks: FileCheck[] = [];
  const text = (source: string) =>
    checks.push({ key: `text ${source}`, check: async () => locateText(source, settings) });
  if (typeof workload.options.text === 'string') text(workload.options.text);
  const { needs } = workloadNamed(workload.kind) ?? {};
  // A server renders chats itself.
  if (
    needs === 'completions' &&
    workload.options.promptsAs === 'chat' &&
    !runnerOffers(runner.kind, 'endpoint')
  )
    checks.push({ key: `chat ${model.source}`, check: async () => requireTemplate(model, settings) });
  const steps = chainSteps(technique, model.facts, runnerNamed(runner.kind)?.formats ?? []);
  // A word that cannot be read was refused when the file was.
  for (const step of steps.ok ? steps.value : []) {
    if (step.kind === 'prune' && step.spec.calibration !== null) text(step.spec.calibration.text);
    if (step.kind === 'quantize' && step.spec.importance !== null) text(step.spec.importance.text);
    if (step.kind === 'quantize-four-bit' && step.spec.gptq !== null) text(step.spec.gptq.calibration.text);
  }
  const adapter = readAdapter(technique.adapter);
  if (!adapter.ok || adapter.value === null) return checks;
  const { value: spec } = adapter;
  // Heads are grouped before: an adapter then has to fit what that leaves, and of a converted model what that
  // makes.
  const regrouped = steps.ok && steps.value.some(({ kind }) => kind === 'group-heads' || kind === 'convert');
  checks.push({
    key: `adapter ${model.name} ${technique.adapter} ${regrouped}`,
    check: () => checkAdapters(spec, regrouped ? null : model, settings),
  });
  return checks;
}

/**
 * @returns whether a model is here and has no chat template; false of one that is not here, or cannot be
 *   read.
 */
export function lacksChatTemplate(source: string, settings: SourceSettings): boolean {
  return orElse(() => {
    const path = locateSource(source, settings, 'file or folder');
    return formatOf(path).details(path).chatTemplate === null;
  }, false);
}

/** @throws FailureError `impossible-combination` */
function requireTemplate({ name, source }: ModelRef, settings: Attended): void {
  if (!lacksChatTemplate(source, settings)) return;
  throw failed(
    'impossible-combination',
    `prompts of the graph are chats, and the model ${name} has no chat template: set promptsAs: text`,
    'Or name a model that was tuned for chats.',
  );
}

/** @param model null where the shapes that the adapters have to fit are not known. */
async function checkAdapters(
  { parts, mode }: AdapterSpec,
  model: ModelRef | null,
  settings: Attended,
): Promise<void> {
  // Of a model that is not here no shapes are known. Points whose runner does not open its format are none of
  // the plan's.
  const isHere = model !== null && model.facts !== null && !isRemote(model.source);
  const base = isHere ? await openModel(model.source, settings, null) : null;
  for (const { source } of parts) {
    const { place } = await locateAdapter(source, settings);
    if (base !== null && model !== null)
      await requireAdapterFits({ source, place, baseName: model.name }, base, mode === 'attached');
  }
}
