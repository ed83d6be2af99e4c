import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Gates } from '../../core/experiment/experiment.js';
import { readJsonLine } from '../../core/input/json-line.js';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';
import { namesOf } from '../../core/sweep/labels.js';
import { parseSweep } from '../../core/sweep/parse.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { regraded } from '../../judgement/regrade.js';
import { buildReport } from '../../report/build.js';
import type { PublishedFigure } from '../../report/published.js';
import type { ReportRequest } from '../../report/report.js';
import { usageError } from '../exit.js';
import { jsonLines } from '../output/jsonl.js';
import { say } from '../output/print.js';
import { importedRecords } from './llama-bench/records.js';
import { llamaBenchRows } from './llama-bench/rows.js';
import { openBundle } from './packed/bundle.js';

/** Where `ridge run` puts things when nothing else is said. */
export const DEFAULT_OUT = 'ridge-out';

/**
 * What a run leaves in its folder, for people and tools; the log beside it stays the truth. `run.json` says
 * what was typed, and when. `results.jsonl` has the trials that count, `trials.jsonl` every trial: also drift
 * controls and attempts that came to nothing.
 */
export const FILES = {
  sweep: 'sweep.yaml',
  run: 'run.json',
  results: 'results.jsonl',
  trials: 'trials.jsonl',
  page: 'report.html',
  metrics: 'metrics.prom',
} as const;

/**
 * What was said to each item of tasks, a file for each model that was asked, by its digest; records refer to
 * them.
 */
export const ANSWERS = 'answers';

/** Calls of request graphs, likewise. */
export const CALLS = 'calls';

/** Writes a file in one step, so that a kill leaves the old one or the new one. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const draft = `${path}.new`;
  try {
    writeFileSync(draft, content);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** @returns what a sweep says of its own report. */
export function requestOf(sweep: Sweep): ReportRequest {
  const { starts, maxStarts } = sweep.startsPolicy;
  const { name: sweepName, objectives } = sweep;
  const bounds = sweep.search?.constraints ?? [];
  return { sweepName, objectives, bounds, starts, maxStarts, names: namesOf(sweep) };
}

/** Writes results.jsonl and trials.jsonl. */
export function writeRecords(folder: string, records: readonly ResultRecord[], request: ReportRequest): void {
  const counted = buildReport(records, request).rows.flatMap((row) => row.starts);
  writeWhole(join(folder, FILES.trials), jsonLines(records));
  writeWhole(join(folder, FILES.results), jsonLines(counted));
}

export interface StoredRun {
  readonly records: readonly ResultRecord[];
  readonly request: ReportRequest;
  /** Of a bundle: the numbers that it publishes; left out of others. */
  readonly published?: readonly PublishedFigure[];
}

/**
 * Reads a folder of `ridge run`, a file of result records (JSON lines), a bundle (`ridge bundle`), or what
 * llama-bench wrote.
 * @param gates to grade records under; left out = those that each was measured under.
 * @throws CommandError (2) naming the file and line that is not a result record.
 */
export function readRun(source: string, gates?: Gates): StoredRun {
  mustExist(source);
  if (!statSync(source).isDirectory()) return readFile(source, gates);
  const file = [FILES.trials, FILES.results]
    .map((name) => join(source, name))
    .find((path) => existsSync(path));
  if (file === undefined)
    throw usageError(`${source} has no ${FILES.results}`, 'Was the sweep run here? `ridge run FILE`');
  const document = join(source, FILES.sweep);
  const text = existsSync(document) ? readFileSync(document, 'utf8') : null;
  return { records: readRecords(file, linesIn(file), gates), request: requestIn(text, basename(source)) };
}

/** @throws CommandError (2) */
export function mustExist(source: string): void {
  if (existsSync(source)) return;
  throw usageError(
    `there is no file or folder ${source}`,
    'Name a folder of `ridge run` or a results.jsonl.',
  );
}

function readFile(source: string, gates: Gates | undefined): StoredRun {
  const bundle = openBundle(source);
  if (bundle === null) {
    const imported = llamaBenchIn(source);
    if (imported !== null) return imported;
    const request = { sweepName: basename(source, '.jsonl'), objectives: [] };
    return { records: readRecords(source, linesIn(source), gates), request };
  }
  const records = readRecords(source, bundle.lines, gates);
  const request = requestIn(bundle.document, records[0]?.sweep.name ?? basename(source));
  return { records, request, published: bundle.published };
}

/**
 * @returns rows of llama-bench as records; null for a file of something else.
 * @throws CommandError (2) for one that cannot be read.
 */
function llamaBenchIn(source: string): StoredRun | null {
  const rows = llamaBenchRows(readFileSync(source, 'utf8'));
  if (rows === null) return null;
  if (typeof rows === 'string') throw usageError(`${source}: ${rows}`);
  try {
    const { records, notes } = importedRecords(rows);
    for (const note of notes) say(note);
    return { records, request: { sweepName: basename(source), objectives: [] } };
  } catch (error) {
    throw usageError(`${source}: ${(error as Error).message}`);
  }
}

const linesIn = (path: string) => readFileSync(path, 'utf8').split('\n');

/** @param document of a sweep; null = there is none. */
export function requestIn(document: string | null, name: string): ReportRequest {
  const parsed = document === null ? null : parseSweep(document);
  return parsed?.ok === true ? requestOf(parsed.sweep) : { sweepName: name, objectives: [] };
}

function readRecords(path: string, lines: Iterable<string>, gates: Gates | undefined): ResultRecord[] {
  const records: ResultRecord[] = [];
  let number = 0;
  for (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const record = recordOf(line);
    if (typeof record === 'string')
      throw usageError(
        `${path}:${number}: ${record}`,
        'schemas/result.schema.json says what a record holds.',
      );
    records.push(regraded(record, gates));
  }
  return records;
}

/** @returns the record of a line, or in a clause why it is none. */
export const recordOf = (line: string): ResultRecord | string =>
  readJsonLine(resultSchema, line, 'a result record');

/** @returns the folders in a place that hold one of these files of a run. */
export function runFolders(place: string, names: readonly string[]): string[] {
  if (!existsSync(place)) return [];
  return readdirSync(place)
    .map((name) => join(place, name))
    .filter((path) => names.some((name) => existsSync(join(path, name))));
}

/** @returns the folder in ridge-out that was written last. */
export function newestRun(): string {
  const folders = runFolders(DEFAULT_OUT, [FILES.results]);
  const age = (path: string): number => statSync(join(path, FILES.results)).mtimeMs;
  const newest = folders.sort((a, b) => age(a) - age(b)).at(-1);
  if (newest === undefined)
    throw usageError(`no run found in ${DEFAULT_OUT}`, 'Run a sweep first, or name a folder.');
  return newest;
}
