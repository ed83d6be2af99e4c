import { dirname, isAbsolute, resolve } from 'node:path';
import type { AgentConfig } from '../agent/config.js';
import {
  headerOf,
  type ModelSettings,
  type Opening,
  peekModel,
  type ResolvedModel,
  resolveModel,
} from '../artifacts/files/resolve.js';
import { type Failure, failed, toFailure } from '../core/errors.js';
import type { ModelRef } from '../core/experiment/experiment.js';
import { formatValue } from '../core/metrics/format.js';
import type { ModelFormat } from '../core/models/formats.js';
import { isRemote } from '../core/models/remote.js';
import { DEFAULT_RUNNER, runnerNamed } from '../core/runners/index.js';
import type { Sweep } from '../core/sweep/spec.js';
import { cacheFolder } from '../engines/native/engines/location.js';
import { EXIT, fromFailure } from './exit.js';
import { say } from './output/print.js';
import { ProgressLine } from './output/progress-line.js';

/**
 * Where models of a sweep that runs on this machine may be: the folder of the sweep file, the working
 * folder, those given with --models, and, since here the person who submits is the operator, the folder of
 * every file the sweep names by an absolute path.
 */
export function localModelFolders(
  sweepPath: string,
  sweep: { readonly models: readonly Pick<ModelRef, 'source'>[] },
  extra: readonly string[],
): string[] {
  const named = sweep.models.filter((m) => isAbsolute(m.source)).map((m) => dirname(m.source));
  const relative = sweep.models
    .filter((m) => !isAbsolute(m.source) && !/^[a-z][a-z0-9+.-]+:/.test(m.source))
    .flatMap((m) => [dirname(resolve(m.source)), dirname(resolve(dirname(sweepPath), m.source))]);
  return [
    ...new Set([
      ...extra.map((f) => resolve(f)),
      resolve(dirname(sweepPath)),
      resolve('.'),
      ...relative,
      ...named,
    ]),
  ];
}

/** @returns where a model may be that a command names: in the folders of --models, in this one, and where its name leads. */
export function modelFoldersFor(source: string, models: readonly string[]): string[] {
  return [...new Set([...models, '.', dirname(source)].map((folder) => resolve(folder)))];
}

/**
 * @param folders where models are looked for first.
 * @param node where they may be, too, and what may be fetched, as its configuration says; left out = nowhere else, and nothing.
 */
export function modelSettings(
  folders: readonly string[],
  node?: Pick<AgentConfig, 'modelFolders' | 'sources' | 'artifactBytes'>,
): ModelSettings {
  if (node === undefined) return { modelFolders: folders, cacheFolder: cacheFolder() };
  const modelFolders = [...new Set([...folders, ...node.modelFolders])];
  const sources = { policy: node.sources, artifactBytes: node.artifactBytes };
  return { modelFolders, cacheFolder: cacheFolder(), sources };
}

/** What commands that run or change one model open. */
export const OPENED_BY_COMMANDS: readonly ModelFormat[] = runnerNamed(DEFAULT_RUNNER)?.formats ?? [];

/**
 * Opens a model that will be run, or that files are made of, as a file by `fileOf`; one that has to be fetched says how far it is.
 * @param runs formats that will do. @throws FailureError
 */
export async function openModel(
  source: string,
  settings: ModelSettings,
  runs: readonly ModelFormat[] = OPENED_BY_COMMANDS,
): Promise<ResolvedModel> {
  return await showingProgress(source, settings, { runs });
}

/** Opens a model of any format, for what it says of itself. @throws FailureError */
export async function inspectModel(
  source: string,
  settings: ModelSettings,
  digest: string | null = null,
): Promise<ResolvedModel> {
  return await showingProgress(source, settings, { digest });
}

/** Longer than a header takes. */
const SILENT_MILLISECONDS = 1500;

async function showingProgress(
  source: string,
  settings: ModelSettings,
  opening: Pick<Opening, 'digest' | 'runs'>,
): Promise<ResolvedModel> {
  const progress = fetchProgress(source);
  // A model that was not seen before is read from end to end; of one that is fetched the line above tells.
  const slow = setTimeout(() => {
    if (!isRemote(source)) say(`reading ${source} once, for its digest`);
  }, SILENT_MILLISECONDS);
  try {
    return await resolveModel(source, settings, { ...opening, onProgress: progress.update });
  } finally {
    clearTimeout(slow);
    progress.end();
  }
}

/**
 * Opens every model of a sweep: reads its header and digest, so that impossible points and memory are
 * known before anything runs.
 * @param onMissing called for a model that is not on this machine, which then stays without facts; without
 *   it such a model is an error.
 * @param open how a model is looked at: opened, or only its header read.
 * @throws CommandError that names every model that cannot be used: 2 when a name leads nowhere, 1 when a file
 *   is broken.
 */
export async function resolveModels(
  sweep: Sweep,
  settings: ModelSettings,
  onMissing?: (model: ModelRef, why: string) => void,
  open: typeof opened = opened,
): Promise<ModelRef[]> {
  const resolved: ModelRef[] = [];
  const failures: Failure[] = [];
  for (const model of sweep.models) {
    try {
      resolved.push(await open(model, settings));
    } catch (error) {
      const reason = toFailure(error);
      if (reason.code === 'internal') throw error;
      if (isMissing(reason) && onMissing !== undefined) {
        onMissing(model, reason.message);
        resolved.push(model);
      } else failures.push(reason);
    }
  }
  const [first] = failures;
  if (first === undefined) return resolved;
  const message = failures.map((reason) => reason.message).join('\n');
  throw fromFailure({ ...first, message }, failures.every(isMissing) ? EXIT.usage : EXIT.failed);
}

/**
 * @returns the models of a sweep with what the headers of those that lie here say. The others stay as they are: who submits a sweep
 *   need not have what nodes run, so nothing that is missing or broken here is an error.
 */
export function withHeadersHere({ models }: Sweep, modelFolders: readonly string[]): ModelRef[] {
  return models.map((model) => {
    try {
      return { ...model, facts: headerOf(model.source, { modelFolders }).facts };
    } catch (error) {
      if (toFailure(error).code === 'internal') throw error;
      return model;
    }
  });
}

/** Reads the header alone of a model that would have to be fetched. @throws FailureError */
export async function lookedAt(model: ModelRef, settings: ModelSettings): Promise<ModelRef> {
  if (!isRemote(model.source)) return await opened(model, settings);
  const { digest, facts } = await peekModel(model.source, model.digest, settings);
  return { ...model, digest, facts };
}

/** @throws FailureError */
async function opened(model: ModelRef, settings: ModelSettings): Promise<ModelRef> {
  const { digest, facts } = await inspectModel(model.source, settings, model.digest);
  if (model.digest !== null && model.digest !== digest) {
    const message = `the model ${model.name} has the digest ${digest}, not ${model.digest} as the sweep says`;
    const hint = 'Get the right file, or correct the digest.';
    throw failed('digest-mismatch', message, hint);
  }
  return { ...model, digest, facts };
}

/** Something that is named is not here; no file is to blame. */
export function isMissing({ code }: Failure): boolean {
  return code === 'model-missing' || code === 'source-not-allowed';
}

/** Says how much of a model has come; where there is no terminal, at each quarter. */
function fetchProgress(source: string) {
  const line = new ProgressLine(process.stderr);
  let quarter = -1;
  return {
    update(doneBytes: number, totalBytes: number | null): void {
      const of = totalBytes === null ? '' : ` of ${formatValue(totalBytes, 'B')}`;
      const reached = totalBytes === null ? 0 : Math.floor((4 * doneBytes) / totalBytes);
      line.update(`fetching ${source}: ${formatValue(doneBytes, 'B')}${of}`, reached !== quarter);
      quarter = reached;
    },
    end: () => line.end(),
  };
}
