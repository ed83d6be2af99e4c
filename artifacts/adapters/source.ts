import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FailureError, failed } from '../../core/errors.js';
import { readSyntheticAdapter, type SyntheticAdapter } from '../../core/techniques/adapter.js';
import { digestOf, digestOfAll } from '../../process/digest.js';
import type { ModelSettings } from '../files/resolve.js';
import { builtinFolder, locateBeside, locateSource, requireLinksInside } from '../files/source.js';
import { initialFolderOf } from './peft.js';
import { CONFIG_FILE, WEIGHTS_FILE } from './peft-config.js';

/** Where an adapter comes from, as a child process is told. */
export type AdapterPlace =
  | { readonly form: 'gguf'; readonly path: string }
  | { readonly form: 'peft'; readonly path: string }
  | { readonly form: 'synthetic'; readonly synthetic: SyntheticAdapter };

/** An adapter that a source names. */
export interface LocatedAdapter {
  /** As it was written, for sentences and records. */
  readonly source: string;
  readonly place: AdapterPlace;
  /** Of its files; of a synthetic one its word, from which every number follows. */
  readonly digest: string;
  /** Of its files; 0 for a synthetic one. */
  readonly bytes: number;
}

const manifestSchema = z.object({
  adapters: z.array(z.object({ name: z.string(), file: z.string() })).default([]),
});

/** @returns the adapters that ship with Ridgepoint: the name after `builtin:` and the file in models/. */
function builtinAdapters(): readonly { readonly name: string; readonly file: string }[] {
  return manifestSchema.parse(JSON.parse(readFileSync(join(builtinFolder(), 'manifest.json'), 'utf8')))
    .adapters;
}

/**
 * Finds what a source names: `builtin:NAME`, a GGUF file or a PEFT folder below a model folder,
 * `synthetic:lora?…`.
 * @throws FailureError `source-not-allowed`, `model-missing`.
 */
export async function locateAdapter(source: string, settings: ModelSettings): Promise<LocatedAdapter> {
  const synthetic = readSyntheticAdapter(source);
  if (synthetic !== null)
    return { source, place: { form: 'synthetic', synthetic }, digest: source, bytes: 0 };
  if (source.startsWith('builtin:')) return await fileAdapter(source, builtinPath(source), settings);
  const config = peftConfig(source, settings);
  if (config === null) return await fileAdapter(source, locateSource(source, settings), settings);
  const folder = dirname(config);
  const initial = initialFolderOf(folder);
  const files = [config, join(folder, WEIGHTS_FILE)];
  if (initial !== null) files.push(join(initial, CONFIG_FILE), join(initial, WEIGHTS_FILE));
  const present = files.flatMap((file) => locateBeside(file, source, settings) ?? []);
  requireLinksInside(folder, source, settings);
  return {
    source,
    place: { form: 'peft', path: folder },
    digest: await digestOfAll(present, settings.cacheFolder),
    bytes: present.reduce((sum, file) => sum + statSync(file).size, 0),
  };
}

async function fileAdapter(source: string, path: string, settings: ModelSettings): Promise<LocatedAdapter> {
  return {
    source,
    place: { form: 'gguf', path },
    digest: await digestOf(path, settings.cacheFolder),
    bytes: statSync(path).size,
  };
}

/** The config of the PEFT folder that a source names; null when it names something else. */
function peftConfig(source: string, settings: ModelSettings): string | null {
  if (/^[a-z][a-z0-9+.-]+:/.test(source) && !source.startsWith('file:')) return null;
  try {
    return locateSource(join(source, CONFIG_FILE), settings);
  } catch (error) {
    // What is wrong with the source itself is said of the source itself.
    if (error instanceof FailureError) return null;
    throw error;
  }
}

function builtinPath(source: string): string {
  const adapters = builtinAdapters();
  const known = adapters.find(({ name }) => `builtin:${name}` === source);
  if (known !== undefined) return join(builtinFolder(), known.file);
  const message = `there is no builtin adapter ${JSON.stringify(source.slice('builtin:'.length))}`;
  const hint = `The builtin adapters are ${adapters.map(({ name }) => name).join(' and ')}.`;
  throw failed('model-missing', message, hint);
}
