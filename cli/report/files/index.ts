import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { quote } from '../../../core/quote.js';
import type { Report } from '../../../report/report.js';
import { tryFile, usageError } from '../../exit.js';
import { FILE_FORMATS, type FileFormat } from '../../options/display.js';

/** One format that results leave in as a file that is no text, or as several. */
export interface FileExporter {
  /** What --output names. */
  readonly unit: 'file' | 'folder';
  /** The same, for sentences. */
  readonly place: string;
  /** @returns what was written, as a sentence. @throws CommandError for a place that cannot be written. */
  write(report: Report, path: string): Promise<string>;
}

/**
 * Writes a file by its path within a folder. @throws CommandError (2) for a path that could lead out of it.
 */
export type Put = (path: string, content: string) => void;

/** The name of a folder or a file that neither leads out of its folder nor is hidden in it. */
const PLAIN_NAME = /^(?!\.)[^/\\\p{Cc}]{1,255}$/u;

/**
 * Writes into a folder, which is made where it is not there. What files are called may come from results of
 * somebody else.
 * @throws CommandError (2) for a place that is none, or cannot be written.
 */
export function intoFolder(path: string, example: string, write: (put: Put) => void): void {
  if (existsSync(path) && !statSync(path).isDirectory()) throw usageError(`${path} is not a folder`, example);
  const put: Put = (name, content) => {
    const parts = name.split('/');
    if (!parts.every((part) => PLAIN_NAME.test(part)))
      throw usageError(
        `a file ${quote(name)} is not written into ${path}: the results name it, and it could lead elsewhere`,
        'Do not trust these results: ask whoever made them.',
      );
    const file = join(path, ...parts);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  };
  tryFile(
    `${path} cannot be written`,
    () => {
      mkdirSync(path, { recursive: true });
      write(put);
    },
    'Name another folder with --output.',
  );
}

export function isFileFormat(format: string): format is FileFormat {
  return (FILE_FORMATS as readonly string[]).includes(format);
}

/** Opened only where it is asked for: libraries of formats take a while to load. */
export async function fileExporter(format: FileFormat): Promise<FileExporter> {
  switch (format) {
    case 'parquet':
      return (await import('./parquet.js')).parquet;
    case 'mlflow':
      return (await import('./mlflow.js')).mlflow;
    case 'mlperf-endpoints':
      return (await import('./mlperf-endpoints.js')).mlperfEndpoints;
  }
}
