import { readFileSync } from 'node:fs';
import { readJsonLine } from '../../../core/input/json-line.js';
import { figureSchema, type PublishedFigure } from '../../../report/published.js';
import { usageError } from '../../exit.js';
import { type BundleFiles, isPacked, linesOf, unpacked } from './container.js';

/** What results are read from of a bundle. */
export interface OpenBundle {
  readonly lines: Iterable<string>;
  readonly document: string | null;
  readonly published: readonly PublishedFigure[];
}

/** @returns what a bundle holds; null for a file that is none. @throws CommandError (2) for a damaged one. */
export function openBundle(path: string): OpenBundle | null {
  const bytes = readFileSync(path);
  if (!isPacked(bytes)) return null;
  const files = unpacked(bytes);
  if (typeof files === 'string')
    throw usageError(`${path}: ${files}`, '`ridge bundle verify` says what else is wrong with it.');
  const trials = files.get('trials.jsonl');
  if (trials === undefined)
    throw usageError(`${path} is no bundle: it has no trials.jsonl`, '`ridge bundle` makes one.');
  return {
    lines: linesOf(trials),
    document: files.get('sweep.yaml')?.toString('utf8') ?? null,
    published: publishedIn(files, path),
  };
}

function publishedIn(files: BundleFiles, path: string): PublishedFigure[] {
  return Array.from(linesOf(files.get('published.jsonl') ?? Buffer.alloc(0)), (line) => {
    const figure = readJsonLine(figureSchema, line, 'a published number');
    if (typeof figure !== 'string') return figure;
    throw usageError(`${path}: published.jsonl is damaged`, '`ridge bundle verify` says where.');
  });
}
