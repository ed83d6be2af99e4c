import { dirname, resolve } from 'node:path';
import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { type AdapterPart, readAdapter } from '../../core/techniques/adapter.js';
import { usageError } from '../exit.js';
import { modelSettings, openModel } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { fileOf } from '../single/file-of.js';
import type { AdaptOptions } from './options.js';

/** A model that adapters go onto, as a file. */
export interface OpenBase {
  readonly source: string;
  readonly path: string;
  readonly digest: string;
  readonly bytes: number;
  /** null = its format does not say it. */
  readonly trainedContext: number | null;
}

/** @returns where files may be: the person who types is the operator, so also beside every file that is named. */
export function settingsOf(options: AdaptOptions, named: readonly string[]): ModelSettings {
  const folders = [
    ...options.models,
    '.',
    ...named.map((spelling) => dirname(spelling.replace(/\*-?[\d.]+$/, ''))),
  ];
  return modelSettings([...new Set(folders.map((folder) => resolve(folder)))], nodeConfig(options));
}

/** @returns the model as a file. */
export async function openBase(source: string, settings: ModelSettings): Promise<OpenBase> {
  const base = await openModel(source, settings);
  const path = await fileOf(base, settings.cacheFolder);
  const { bytes, contextLength } = base.facts;
  return { source, path, digest: base.digest, bytes, trainedContext: contextLength };
}

/** @returns the parts of `path*0.5`. @throws CommandError (2) */
export function partsOf(spellings: readonly string[]): AdapterPart[] {
  return spellings.flatMap((spelling) => {
    const reading = readAdapter(spelling);
    if (!reading.ok) throw usageError(reading.message, null);
    if (reading.value === null)
      throw usageError('none is no adapter', 'Name a file, a folder or builtin:NAME.');
    return [...reading.value.parts];
  });
}
