import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { AxisValue } from '../../../core/experiment/experiment.js';
import { PythonRandom } from '../../../statistics/python-random.js';
import { ROOT } from '../../support/ridge.js';
import { keyOf, type Task, type TaskPoint } from './task.js';

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
  const grid = readGrid();
  if (grid === null) return null;
  const { header, lines, metrics, valuesOf } = grid;
  const points = lines.map(({ digits, probe, seconds, perplexity, physics }): [string, TaskPoint] => {
    const values = probe === null ? null : (valuesOf(probe, perplexity) as number[]);
    return [keyOf(digits), { digits, values, seconds: probe?.seconds ?? seconds, physics }];
  });
  return {
    task: { name: 'recorded', axes: header.axes, metrics, points: new Map(points) },
    of: header.points,
  };
}

/** What the rates of a probe and a measurement that nothing disturbed differ by at most, as a logarithm. */
const CALM = 0.5;

/**
 * The same grid at full depth, where a point's probe is what was recorded of all points, and says nothing of
 * quality. Of the points that have both, the measurement is real. Of each other one it is the probe times
 * what the two differ by at one of those points, drawn at random among those with as many threads, which that
 * depends on most: with two, whatever else the machine did slowed some measurements by a hundred times and
 * more.
 * @param calm only points count as having both whose rates differ by less than CALM.
 * @returns null where nothing is recorded.
 */
export function recordedDeep(calm: boolean): Task | null {
  const grid = readGrid();
  if (grid === null) return null;
  const { header, metrics, valuesOf } = grid;
  const lines = grid.lines.filter((line): line is Probed => line.probe !== null);
  const threads = header.axes.findIndex(({ name }) => name === 'threads');
  const pairs = lines.filter((line): line is Paired => {
    if (line.full === undefined) return false;
    return (
      !calm || Math.abs(Math.log(line.full.decodeTokensPerSecond / line.probe.decodeTokensPerSecond)) < CALM
    );
  });
  const random = new PythonRandom(1);
  const points = lines.map(({ digits, probe, perplexity, physics, ...line }): [string, TaskPoint] => {
    const like = pairs.filter((pair) => pair.digits[threads] === digits[threads]);
    const other = like[Math.floor(random.next() * like.length)]!;
    const scaled = (name: keyof Reading) => (probe[name] * other.full[name]) / other.probe[name];
    const full = pairs.some((pair) => pair.position === line.position)
      ? line.full!
      : {
          decodeTokensPerSecond: scaled('decodeTokensPerSecond'),
          prefillTokensPerSecond: scaled('prefillTokensPerSecond'),
          peakResidentBytes: scaled('peakResidentBytes'),
          seconds: scaled('seconds'),
        };
    const looked = { values: valuesOf(probe, null), seconds: probe.seconds };
    return [
      keyOf(digits),
      {
        digits,
        values: valuesOf(full, perplexity) as number[],
        seconds: full.seconds,
        physics,
        probe: looked,
      },
    ];
  });
  return { name: calm ? 'deep-calm' : 'deep', axes: header.axes, metrics, points: new Map(points) };
}

type Probed = Line & { readonly probe: Reading };
type Paired = Probed & { readonly full: Reading };

function readGrid() {
  if (!existsSync(FIXTURE)) return null;
  const [first, ...others] = gunzipSync(readFileSync(FIXTURE)).toString().trimEnd().split('\n');
  const header = JSON.parse(first!) as Header;
  const lines = others.map((line) => JSON.parse(line) as Line);
  // A front over quality needs it of every point.
  const judged = lines.every(({ perplexity }) => perplexity !== null);
  const metrics = [...['timePerOutputTokenSeconds', 'peakResidentBytes'], ...(judged ? ['perplexity'] : [])];
  const valuesOf = <T extends number | null>(
    { decodeTokensPerSecond, peakResidentBytes }: Reading,
    perplexity: T,
  ) => [...[1 / decodeTokensPerSecond, peakResidentBytes], ...(judged ? [perplexity] : [])];
  return { header, lines, metrics, valuesOf };
}
