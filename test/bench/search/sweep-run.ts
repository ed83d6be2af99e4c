import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { readRun } from '../../../cli/report/run-folder.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import type { Report } from '../../../report/report.js';
import { startRidge } from '../../support/ridge.js';

/** What a run of `ridge` said and took, kept beside its log once it has ended by itself. */
export interface Kept {
  /** From its start to its end, artifacts included; of one that went on, of all its parts. */
  readonly seconds: number;
  /** Why its search ended; null = it has not yet. */
  readonly ended: string | null;
}

const NOTE = 'bench.json';
/** Ridge's own last line of a search. */
const ENDED = /the search has ended: (.*?); \d/;

/** @returns what a folder holds of a run; null = nothing. */
export function keptIn(folder: string): Kept | null {
  const note = join(folder, NOTE);
  return existsSync(note) ? (JSON.parse(readFileSync(note, 'utf8')) as Kept) : null;
}

/**
 * Runs a sweep through the built `ridge run` in a folder with a log, a cache and a state of its own, so that
 * nothing is taken over from other runs. Whatever ended an earlier call (a kill, too), it goes on where that
 * stopped; one that has ended by itself is not begun again.
 * @param minutes after which it finishes the trial that is running and stops; null = it runs to its end.
 */
export async function goOn(document: object, folder: string, minutes: number | null): Promise<Kept> {
  const before = keptIn(folder) ?? { seconds: 0, ended: null };
  if (before.ended !== null) return before;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'bench.yaml');
  writeFileSync(file, stringify(document));
  const began = performance.now();
  const env = { XDG_STATE_HOME: join(folder, 'state'), XDG_CACHE_HOME: join(folder, 'cache') };
  const running = startRidge(['run', file, '--out', folder, '--format', 'csv', '--no-roofs'], { env });
  // It has a process group of its own, so what ends this process does not reach it.
  const stop = () => void running.process.kill('SIGINT');
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, stop);
  const timer = minutes === null ? undefined : setTimeout(stop, 60_000 * minutes);
  const { code, stderr } = await running.ended;
  clearTimeout(timer);
  for (const signal of signals) process.off(signal, stop);
  const ended = ENDED.exec(stderr)?.[1] ?? null;
  // What Ctrl-C ends, ends its bench: the next call goes on.
  if (ended === null && code === 130 && minutes === null) process.exit(130);
  if (ended === null && code !== 130) throw new Error(`ridge run ended with ${code}:\n${stderr}`);
  const kept = { seconds: before.seconds + (performance.now() - began) / 1000, ended };
  writeFileSync(join(folder, NOTE), JSON.stringify(kept));
  return kept;
}

/** Discards what an earlier call left that did not come to its end: its time would not be one run's. */
export function discardUnended(folder: string): void {
  if ((keptIn(folder)?.ended ?? null) === null) rmSync(folder, { recursive: true, force: true });
}

export interface Rows extends Report {
  readonly records: readonly ResultRecord[];
}

/** @returns the rows of a run's folder; null where it has none yet. */
export function rowsIn(folder: string): Rows | null {
  if (!existsSync(join(folder, 'trials.jsonl'))) return null;
  const { records, request } = readRun(folder);
  return { ...buildReport(records, request), records };
}

/** @returns how long trials took, in seconds of devices. */
export function deviceSeconds(records: readonly ResultRecord[]): number {
  return records.reduce((sum, one) => sum + secondsOf(one), 0);
}

export const secondsOf = ({ startedAt, endedAt }: ResultRecord): number =>
  (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;

export const minutesAsked = (word: string | undefined): number | null =>
  word === undefined ? null : Number(word);
