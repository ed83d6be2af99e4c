import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { type FailureError, failed } from '../../core/errors.js';
import { nearest } from '../../core/input/suggest.js';
import { partName } from '../../core/models/parts.js';
import { hubSource } from '../../core/models/remote.js';
import { orElse } from '../../core/or-else.js';
import { PACKAGE_ROOT } from '../../process/package.js';

export interface SourceSettings {
  /** The only folders a sweep may name files in. */
  readonly modelFolders: readonly string[];
}

type Accepted = 'file' | 'file or folder';

/** models/manifest.json: what ships with Ridgepoint, by the name after `builtin:`. */
const MANIFEST = 'manifest.json';
const manifestSchema = z.object({ models: z.array(z.object({ name: z.string(), file: z.string() })) });

/**
 * Finds the file a source names. A sweep is data from somewhere else: it reaches files inside the model
 * folders and nothing beyond, whatever `..` and symbolic links say.
 * @param accepts what it may be; of a folder, whoever opens files in it asks for each with `locateBeside`.
 * @returns the real path; of a part of a split model its name in the real folder.
 * @throws FailureError `source-not-allowed`, `model-missing`.
 */
export function locateSource(source: string, settings: SourceSettings, accepts: Accepted = 'file'): string {
  const [scheme, rest] = /^([a-z][a-z0-9+.-]+):(.*)$/s.exec(source)?.slice(1) ?? [null, source];
  if (scheme === 'builtin') return builtinPath(rest ?? '');
  if (scheme === null || scheme === 'file')
    return localPath((rest ?? '').replace(/^\/\//, ''), source, settings, accepts);
  const hint = 'Put the file into one of the node’s model folders and name it by its path.';
  throw failed('source-not-allowed', `${source} would have to be fetched, and only models are`, hint);
}

/** @returns the models that ship with Ridgepoint: the name after `builtin:` and the file in models/. */
export function builtinNames(): readonly { readonly name: string; readonly file: string }[] {
  const text = readFileSync(join(builtinFolder(), MANIFEST), 'utf8');
  return manifestSchema.parse(JSON.parse(text)).models;
}

/** @returns the folder models/ of this installation, from sources as from dist. */
export function builtinFolder(): string {
  return join(PACKAGE_ROOT, 'models');
}

function builtinPath(name: string): string {
  const models = builtinNames();
  const model = models.find((known) => known.name === name);
  if (model === undefined) {
    const names = models.map((known) => known.name);
    const guess = nearest(name, names);
    const meant = guess === null ? '' : `Did you mean builtin:${guess}? `;
    const hint = `${meant}The builtin models are ${names.join(' and ')}.`;
    throw failed('model-missing', `there is no builtin model ${JSON.stringify(name)}`, hint);
  }
  return regularFile(realpath(join(builtinFolder(), model.file), `builtin:${name}`), `builtin:${name}`);
}

function localPath(path: string, source: string, settings: SourceSettings, accepts: Accepted): string {
  if (path.includes('\0') || path === '')
    throw failed('model-missing', `${JSON.stringify(source)} is not the name of a file`);
  const folders = settings.modelFolders.flatMap((folder) => orElse(() => [realpathSync(folder)], []));
  const candidates = isAbsolute(path) ? [resolve(path)] : folders.map((folder) => resolve(folder, path));
  // Judged by name first, so that the answer does not tell whether a file outside the folders exists.
  const all = [...folders, ...settings.modelFolders.map((folder) => resolve(folder))];
  const named = candidates.filter((candidate) => all.some((folder) => isInsideFolder(candidate, folder)));
  if (named.length === 0) throw sourceNotAllowed(source, settings);
  const present = named.find((candidate) => existsSync(candidate));
  if (present === undefined) {
    const meant = hubSource(source);
    const known = `The node’s model folders are ${settings.modelFolders.join(', ')}.`;
    const hint = meant === null ? known : `A model of the Hugging Face hub is written ${meant}.`;
    throw failed('model-missing', `there is no file ${source}`, hint);
  }
  const real = realpath(present, source);
  if (!folders.some((folder) => isInsideFolder(real, folder))) throw sourceNotAllowed(source, settings);
  if (accepts === 'file or folder' && statSync(real).isDirectory()) return real;
  regularFile(real, source);
  // Parts of a split model find each other by their names, which what a link leads to need not have.
  return partName(present) === null ? real : join(realpath(dirname(present), source), basename(present));
}

/**
 * A file that belongs to one that a source named, such as the weights beside an adapter's config: it is
 * judged like the source itself, for it may be a link to anywhere.
 * @returns its real path; null when there is none.
 * @throws FailureError `source-not-allowed`, `model-missing`.
 */
export function locateBeside(path: string, source: string, settings: SourceSettings): string | null {
  if (!existsSync(path)) return null;
  requireInside(path, source, settings);
  return regularFile(realpath(path, source), source);
}

/** A published folder has some dozens. */
const MOST_ENTRIES = 10_000;

/**
 * Whoever loads a folder opens what it likes of it: no link below it may lead out of the model folders.
 * @throws FailureError `source-not-allowed`, `model-unreadable` for a folder of too much to look at.
 */
export function requireLinksInside(path: string, source: string, settings: SourceSettings): void {
  const folders = [statSync(path).isDirectory() ? path : dirname(path)];
  let left = MOST_ENTRIES;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = readdirSync(folder, { withFileTypes: true });
    left -= entries.length;
    if (left < 0)
      throw failed('model-unreadable', `${source} has more than ${MOST_ENTRIES} files, which is no model`);
    for (const entry of entries) {
      if (entry.isDirectory()) folders.push(join(folder, entry.name));
      else if (entry.isSymbolicLink()) requireInside(join(folder, entry.name), source, settings);
    }
  }
}

function requireInside(link: string, source: string, settings: SourceSettings): void {
  if (!existsSync(link)) return;
  const real = realpath(link, source);
  const folders = settings.modelFolders.filter((folder) => existsSync(folder));
  if (!folders.some((folder) => isInsideFolder(real, realpathSync(folder))))
    throw sourceNotAllowed(`${basename(link)} of ${source}`, settings);
}

function isInsideFolder(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function realpath(path: string, source: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw failed('model-missing', `${source} cannot be opened: ${(error as Error).message}`);
  }
}

function regularFile(path: string, source: string): string {
  if (statSync(path).isFile()) return path;
  const hint = 'Name the file itself; `ridge models` shows what is here.';
  throw failed('model-missing', `${source} is not a file`, hint);
}

function sourceNotAllowed(source: string, settings: SourceSettings): FailureError {
  const folders = settings.modelFolders.length === 0 ? 'none' : settings.modelFolders.join(', ');
  const hint = `Its model folders are: ${folders}. Move the file there, or add its folder to modelFolders in the agent’s config.`;
  return failed('source-not-allowed', `${source} is not inside a model folder of this node`, hint);
}
