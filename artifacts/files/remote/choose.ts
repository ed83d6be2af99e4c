import { type FailureError, failed } from '../../../core/errors.js';
import { isNamedAs, withoutEnding } from '../../../core/models/formats.js';
import { partPaths, withoutPart } from '../../../core/models/parts.js';
import { FETCHED, FETCHED_FOLDERS } from '../../../formats/index.js';
import { notePath } from './kept.js';
import { FETCHED_TITLES } from './refusals.js';

/** A file as a hub lists it. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** `sha256:<hex>`; null for small files, which git keeps itself. */
  readonly digest: string | null;
}

const isModel = (path: string) => FETCHED.some(({ name }) => isNamedAs(name, path));
/** GGUF files that are no language models: of vision encoders, and importance matrices. */
const OTHER = /(?:^|[-._/])(?:mmproj|imatrix)(?:[-._/]|$)/i;
const MOST_LISTED = 12;

/** The files of one model. */
export interface Chosen {
  readonly files: readonly HubFile[];
  /** They lie beside each other under their own names. */
  readonly folder: boolean;
}

/**
 * Finds the one model that a source names: by its path, by its quantization, or because there is only one;
 * and where a repository has no such file, or a source names the format, the folder that the repository
 * itself is.
 * @param where the repository, for sentences.
 * @returns its file, or all parts of one that is split, in order, of which any names it; or those of the
 *   folder.
 * @throws FailureError `model-missing` with the candidates, or the part that is not there.
 */
export function chooseFiles(files: readonly HubFile[], wanted: string | null, where: string): Chosen {
  const byFormat = FETCHED_FOLDERS.find(({ name }) => name === wanted);
  const anyModel = files.some(({ path }) => isModel(path) && !OTHER.test(path));
  const mayBe = byFormat !== undefined || (wanted === null && !anyModel);
  const folder = mayBe ? folderOf(files, byFormat?.name ?? null) : null;
  if (folder !== null) return { files: folder, folder: true };
  return { files: chooseModel(files, wanted, where), folder: false };
}

/** @returns the files of the folder that a repository is; null where it is none. */
function folderOf(files: readonly HubFile[], format: string | null): readonly HubFile[] | null {
  const byName = new Map(files.map((file) => [file.path, file]));
  for (const { name, parts } of FETCHED_FOLDERS) {
    if (format !== null && name !== format) continue;
    const names = parts.choose(files.map(({ path }) => path).filter((path) => !path.includes('/')));
    if (names === null) continue;
    // What the cache notes of a file lies beside it: no file of a stranger's may stand there.
    const notes = new Set(names.map(notePath));
    return names.filter((one) => !notes.has(one)).map((one) => byName.get(one)!);
  }
  return null;
}

function chooseModel(files: readonly HubFile[], wanted: string | null, where: string): readonly HubFile[] {
  const named = files.find(({ path }) => path === wanted);
  const models = files.filter(({ path }) => isModel(path) && !OTHER.test(path));
  const found = named ? [named] : models.filter(({ path }) => wanted === null || isOf(path, wanted));
  // All parts of a split model are one candidate.
  const candidates = new Map(found.map((file) => [withoutPart(file.path), file]));
  const [file] = candidates.values();
  const what = wanted === null ? where : `${wanted} in ${where}`;
  const folders = FETCHED_FOLDERS.map(({ name }) => name).join(' or ');
  const none = `${where} has no ${FETCHED_TITLES} file and is no ${folders} folder`;
  const has = models.length === 0 ? null : `It has ${listed(models)}.`;
  if (file === undefined)
    throw has === null
      ? missing(none, 'Name a repository that holds such files.')
      : missing(`there is no ${what}`, has);
  if (candidates.size > 1)
    throw missing(`${what} may be any of ${candidates.size} files`, `Name one of ${listed(found)}.`);
  if (!isModel(file.path)) throw missing(`${what} is no ${FETCHED_TITLES} file`, has);
  return partPaths(file.path).map((path) => {
    const part = files.find((one) => one.path === path);
    if (part === undefined) throw missing(`${where} has no ${path}, a part of the model`, null);
    return part;
  });
}

/** `q4_k` is no name for `q4_k_m`, and `4_k_m` none for `q4_k_m`. */
function isOf(path: string, quantization: string): boolean {
  const escaped = quantization.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?:^|[-._/])${escaped}(?:[-./]|$)`, 'i').test(withoutEnding(withoutPart(path)));
}

function listed(files: readonly HubFile[]): string {
  const names = files.map(({ path }) => path);
  const more = names.length - MOST_LISTED;
  return more > 0 ? `${names.slice(0, MOST_LISTED).join(', ')} and ${more} more` : names.join(', ');
}

function missing(message: string, hint: string | null): FailureError {
  return failed('model-missing', message, hint);
}
