import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRun } from '../../../cli/report/run-folder.js';
import { buildReport } from '../../../report/build.js';
import type { Report } from '../../../report/report.js';
import { RIDGE } from '../../support/ridge.js';
import { beside, type Neighbour } from './neighbours.js';

/** One run of the sweep, and what it took. */
export interface Run {
  readonly level: string;
  readonly report: Report;
  readonly seconds: number;
  /** What the run said at its beginning that it takes; null where it said nothing. */
  readonly promisedSeconds: number | null;
}

const TIMES = 'took.json';

/** Runs a sweep to its end beside a neighbour, from nothing; a folder that holds the run already is read. */
export async function runBeside(
  sweep: string,
  folder: string,
  neighbour: Neighbour,
  program: string = RIDGE,
): Promise<Run> {
  if (!existsSync(join(folder, TIMES))) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const begun = performance.now();
    const said = await beside(neighbour, () =>
      ended(program, ['run', sweep, '--out', folder, '--format', 'csv']),
    );
    const seconds = (performance.now() - begun) / 1000;
    if (!existsSync(join(folder, 'results.jsonl'))) throw new Error(`no results in ${folder}: ${said}`);
    writeFileSync(join(folder, TIMES), JSON.stringify({ seconds, promisedSeconds: promisedIn(said) }));
  }
  return readAgain(folder, neighbour.name);
}

export function readAgain(folder: string, level: string): Run {
  const { records, request } = readRun(folder);
  const took = existsSync(join(folder, TIMES))
    ? (JSON.parse(readFileSync(join(folder, TIMES), 'utf8')) as Pick<Run, 'seconds' | 'promisedSeconds'>)
    : { seconds: Number.NaN, promisedSeconds: null };
  return { level, report: buildReport(records, request), ...took };
}

/** The process's standard error, when it has ended, however it ended. */
function ended(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', reject);
    child.on('close', () => resolve(said));
  });
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86_400 };

/** @returns the seconds of `about 1 min 40 s, at most 2 min 05 s: …`; null where nothing was promised. */
function promisedIn(said: string): number | null {
  const [, about] = /about ([\d a-z]+), at most/.exec(said) ?? [];
  if (about === undefined) return null;
  return [...about.matchAll(/(\d+) (d|h|min|s)/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * SECONDS[unit!]!,
    0,
  );
}
