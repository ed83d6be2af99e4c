import type { QualityModel } from '../../agent/quality/measure.js';
import type { ResolvedModel } from '../../artifacts/files/resolve.js';
import { toFailure } from '../../core/errors.js';
import { defaultRunnerFor, formatsFor } from '../../core/runners/index.js';
import { formatOf } from '../../formats/index.js';
import { EXIT, fromFailure } from '../exit.js';
import { isMissing, modelFoldersFor, modelSettings, openModel } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import type { NodeOptions } from '../options/config.js';
import { fileOf } from './file-of.js';

/** Options of commands that ask a model about text. */
export interface AskedOptions extends NodeOptions {
  readonly device: string;
  readonly threads?: number;
  readonly models: readonly string[];
}

/** Finds, fetches or converts a model that is to be asked. @throws CommandError. */
export async function openAsked(source: string, options: AskedOptions): Promise<ResolvedModel> {
  const folders = modelFoldersFor(source, options.models);
  try {
    const settings = modelSettings(folders, nodeConfig(options));
    const formats = formatsFor('language-model');
    const model = await openModel(source, settings, formats);
    return model.path === null
      ? model
      : { ...model, path: await fileOf(model, settings.cacheFolder, formats) };
  } catch (error) {
    const reason = toFailure(error);
    if (reason.code === 'internal') throw error;
    throw fromFailure(reason, isMissing(reason) ? EXIT.usage : EXIT.failed);
  }
}

/** @returns how it is asked: by the first runner that opens its format. */
export function askedModel(
  { path, facts }: ResolvedModel,
  { threads, device }: Pick<AskedOptions, 'threads' | 'device'>,
): QualityModel {
  // It may have been converted.
  const format = path === null ? facts.format : formatOf(path).name;
  return {
    runnerKind: defaultRunnerFor('language-model', format),
    modelPath: path,
    options: { threads: threads ?? null },
    deviceClass: device,
    deviceId: '',
    cpus: [],
  };
}
