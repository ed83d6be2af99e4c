import { existsSync, statSync } from 'node:fs';
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

/** Writes into a folder, which is made where it is not there. @throws CommandError (2) for a place that is none, or cannot be written. */
export function intoFolder(path: string, example: string, write: () => void): void {
  if (existsSync(path) && !statSync(path).isDirectory()) throw usageError(`${path} is not a folder`, example);
  tryFile(`${path} cannot be written`, write, 'Name another folder with --output.');
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
