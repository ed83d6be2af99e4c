import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { FORMAT_NAMES, type ModelFormat } from '../core/models/formats.js';
import { type FolderParts, type Format, FormatError, type Peek } from './format.js';
import { gguf } from './gguf/format.js';
import { onnx } from './onnx/format.js';
import { safetensors } from './safetensors/format.js';

const ENTRIES: Readonly<Record<ModelFormat, Format>> = { gguf, onnx, safetensors };

export const FORMATS: readonly Format[] = FORMAT_NAMES.map((name) => ENTRIES[name]);

/**
 * Tells the format of a file or folder: by its magic bytes, else by its name or what it holds, so that a
 * damaged file gets its own reader's sentence.
 * @throws FormatError that names the formats; errors of open(2) as they are.
 */
export function formatOf(path: string, formats: readonly Format[] = FORMATS): Format {
  const front = frontOf(path);
  const found =
    formats.find(({ magic }) => magic !== null && front.startsWith(magic)) ??
    formats.find(({ claims }) => claims(path));
  if (found !== undefined) return found;
  const titles = formats.map(({ title }) => title);
  throw new FormatError(
    `it is none of the formats that are read: ${titles.join(', ')}`,
    'Name a model of one of them; `ridge models` shows what is here.',
  );
}

/** A format whose models are one file that tells by its first bytes what it is. */
export type FetchedFormat = Format & { readonly magic: string; readonly peek: Peek };

/** Those that can be fetched. */
export const FETCHED: readonly FetchedFormat[] = FORMATS.filter(
  (format): format is FetchedFormat => format.magic !== null && format.peek !== null,
);

/** A format whose models are folders: their files are told by their names. */
export type FetchedFolderFormat = Format & { readonly peek: Peek; readonly parts: FolderParts };

/** Those of which folders can be fetched. */
export const FETCHED_FOLDERS: readonly FetchedFolderFormat[] = FORMATS.filter(
  (format): format is FetchedFolderFormat => format.parts !== null && format.peek !== null,
);

/**
 * @returns the format of a file of which only a front has come, however short; null = of none that can be
 *   fetched.
 */
export function formatOfFront(front: Buffer): FetchedFormat | null {
  const begins = ({ magic }: FetchedFormat) => magic.startsWith(front.toString('latin1', 0, magic.length));
  return FETCHED.find(begins) ?? null;
}

/** @returns the first bytes as Latin-1; none of a folder. */
function frontOf(path: string): string {
  const stat = statSync(path);
  if (stat.isDirectory()) return '';
  // Opening a pipe would wait for whoever writes into it.
  if (!stat.isFile()) throw new FormatError('it is neither a file nor a folder', 'Name the file itself.');
  const descriptor = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(16);
    return buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(descriptor);
  }
}
