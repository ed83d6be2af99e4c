import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { minuteOf } from '../../core/minute.js';
import { orElse } from '../../core/or-else.js';
import { GRADES, gradeOf } from '../../core/result/warnings.js';
import { parseSweep } from '../../core/sweep/parse.js';
import { buildReport } from '../../report/build.js';
import type { Row } from '../../report/rows.js';
import { CommandError, usageError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import { DEFAULT_OUT, FILES, readRun, runFolders } from '../report/run-folder.js';
import { isRunning, LOG, type RunNote } from '../run/folder.js';
import type { RunsOptions } from './command.js';

const STATES = [...GRADES, 'failed'] as const;
type RowState = (typeof STATES)[number];

/** A folder of `ridge run` or `ridge bench`. */
export interface ListedRun {
  readonly name: string | null;
  readonly folder: string;
  readonly state: 'running' | 'done' | 'interrupted' | 'not readable';
  /** ISO 8601. */
  readonly startedAt: string;
  /** null before the first end of a run. */
  readonly rows: (Readonly<Record<RowState, number>> & { readonly all: number }) | null;
  /** What was typed for the sweep; null where the folder has lost its note. */
  readonly file: string | null;
}

/** `ridge runs`. @throws CommandError (2) for a place that is no folder. */
export function printRuns(place: string, { json }: RunsOptions): void {
  const found = existsSync(place) ? statSync(place) : undefined;
  // Where nothing is said, nothing may have been run yet.
  if (found?.isDirectory() !== true && !(place === DEFAULT_OUT && found === undefined))
    throw usageError(
      found === undefined ? `there is no folder ${place}` : `${place} is no folder`,
      'Name the folder that the folders of runs are in.',
    );
  const runs = listedRuns(place);
  if (json === true) {
    printJson(runs);
    return;
  }
  if (runs.length === 0) {
    say(`nothing was run in ${place} yet: \`ridge run FILE\`, or name another folder`);
    return;
  }
  printTable(
    ['name', 'folder', 'started', 'state', 'rows', ...STATES, 'file'],
    runs.map(({ name, folder, startedAt, state, rows, file }) => [
      name,
      folder,
      minuteOf(startedAt),
      state,
      rows?.all ?? null,
      ...STATES.map((word) => rows?.[word] ?? null),
      file,
    ]),
  );
}

/** @returns the runs whose folders lie in a place, the newest last. */
export function listedRuns(place: string): ListedRun[] {
  return runFolders(place, [LOG, FILES.results])
    .map(listed)
    .sort((a, b) => a.startedAt.localeCompare(b.startedAt));
}

function listed(folder: string): ListedRun {
  const path = (name: string) => join(folder, name);
  const note = orElse(() => JSON.parse(readFileSync(path(FILES.run), 'utf8')) as RunNote, null);
  const written = [FILES.sweep, FILES.results, LOG].find((name) => existsSync(path(name)));
  const sweep = existsSync(path(FILES.sweep)) ? parseSweep(readFileSync(path(FILES.sweep), 'utf8')) : null;
  const known = {
    name: sweep?.ok === true ? sweep.sweep.name : null,
    folder,
    startedAt: note?.startedAt ?? statSync(path(written ?? '.')).mtime.toISOString(),
    file: note?.file ?? null,
  };
  if (isRunning(folder)) return { ...known, state: 'running', rows: null };
  if (!existsSync(path(FILES.results))) return { ...known, state: 'interrupted', rows: null };
  try {
    const { records, request } = readRun(folder);
    const state = note?.endedAt === null ? 'interrupted' : 'done';
    return { ...known, state, rows: counted(buildReport(records, request).rows) };
  } catch (error) {
    if (error instanceof CommandError) return { ...known, state: 'not readable', rows: null };
    throw error;
  }
}

function counted(rows: readonly Row[]): NonNullable<ListedRun['rows']> {
  const words = rows.map(stateOf);
  const counts = STATES.map((word) => [word, words.filter((one) => one === word).length] as const);
  return { all: rows.length, ...(Object.fromEntries(counts) as Record<RowState, number>) };
}

function stateOf({ state, warnings, experiment }: Row): RowState {
  return state === 'failed' ? state : gradeOf(warnings, experiment.measure.gates);
}
