import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { AxisValue } from '../../../core/experiment/experiment.js';
import { ROOT } from '../../support/ridge.js';
import { keyOf, type Task, type TaskAxis, type TaskPoint } from './task.js';

/** The grid that `record.ts` measured. */
export const FIXTURE = join(ROOT, 'test/fixtures/search-grid.jsonl.gz');

/** What stands in the fixture's first line. */
export interface Header {
  readonly axes: readonly { readonly name: string; readonly values: readonly AxisValue[] }[];
  /** Of the grid, measured or not. */
  readonly points: number;
  readonly machine: string;
  readonly date: string;
}

/** One depth of measuring. */
export interface Reading {
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
  readonly peakResidentBytes: number;
  /** Of the device, from the trial's start to its end. */
  readonly seconds: number;
}

/** Each other line: a point that was measured. */
export interface Line {
  readonly position: number;
  /** Index of its value on each axis. */
  readonly digits: readonly number[];
  readonly startedAt: string;
  /** null = the trial failed. */
  readonly probe: Reading | null;
  /** Seconds that a failed trial took. */
  readonly seconds: number;
  /** Where it was measured at full depth, too. */
  readonly full?: Reading;
  /** Of its weights and cache types; null = not measured. */
  readonly perplexity: number | null;
  /** search/physics.ts. */
  readonly physics: readonly number[] | null;
}

/** @returns the recorded grid as far as it goes; null where nothing is recorded. */
export function recorded(): { readonly task: Task; readonly of: number } | null {
  if (!existsSync(FIXTURE)) return null;
  const [first, ...others] = gunzipSync(readFileSync(FIXTURE)).toString().trimEnd().split('\n');
  const header = JSON.parse(first!) as Header;
  const lines = others.map((line) => JSON.parse(line) as Line);
  // A front over quality needs it of every point.
  const judged = lines.every(({ perplexity }) => perplexity !== null);
  const metrics = [...['timePerOutputTokenSeconds', 'peakResidentBytes'], ...(judged ? ['perplexity'] : [])];
  const points = lines.map(({ digits, probe, seconds, perplexity, physics }): [string, TaskPoint] => {
    const values =
      probe === null
        ? null
        : [1 / probe.decodeTokensPerSecond, probe.peakResidentBytes, ...(judged ? [perplexity!] : [])];
    return [keyOf(digits), { digits, values, seconds: probe?.seconds ?? seconds, physics }];
  });
  const axes: TaskAxis[] = header.axes.map(({ name, values }) => ({ name, values }));
  return { task: { name: 'recorded', axes, metrics, points: new Map(points) }, of: header.points };
}
