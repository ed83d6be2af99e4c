import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readRun } from '../../../cli/report/run-folder.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import type { Report } from '../../../report/report.js';
import { RIDGE } from '../../support/ridge.js';

/** One of many runs of the same sweep, with nothing changed. */
export interface Run {
  readonly records: readonly ResultRecord[];
  readonly report: Report;
}

/** Runs a sweep again and again, each time from nothing; a folder that holds a run already is not run again. */
export function runAgain(sweep: string, folder: string, runs: number, say: (line: string) => void): Run[] {
  mkdirSync(folder, { recursive: true });
  return Array.from({ length: runs }, (_, i) => {
    const out = join(folder, `run-${String(i + 1).padStart(2, '0')}`);
    const begun = performance.now();
    if (!existsSync(join(out, 'results.jsonl'))) {
      const { status, stderr } = spawnSync(
        process.execPath,
        [RIDGE, 'run', sweep, '--out', out, '--format', 'csv'],
        { encoding: 'utf8', maxBuffer: 2 ** 28 },
      );
      // Rows that stay invalid have an exit code of their own, and are part of what is counted.
      if (!existsSync(join(out, 'results.jsonl')))
        throw new Error(`run ${i + 1} ended with ${status}: ${stderr}`);
    }
    const run = readAgain(out);
    const { experiments, valid } = run.report.counts;
    const seconds = ((performance.now() - begun) / 1000).toFixed(0);
    say(
      `run ${i + 1} of ${runs}: ${valid} of ${experiments} rows valid, ${run.records.length} trials, ${seconds} s`,
    );
    return run;
  });
}

export function readAgain(out: string): Run {
  const { records, request } = readRun(out);
  return { records, report: buildReport(records, request) };
}

/** Busy for 5 to 20 s, then idle for 10 to 60 s, until whoever began it is gone; moments follow from the seed. */
const BURNER = `
  let state = Number(process.argv[1]) >>> 0;
  const between = (low, high) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 1000 * (low + (state / 2 ** 32) * (high - low));
  };
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const parent = process.ppid;
  while (process.ppid === parent) {
    Atomics.wait(sleeper, 0, 0, between(10, 60));
    for (const end = Date.now() + between(5, 20); Date.now() < end; );
  }
`;

/** Burns one CPU at random moments until it is stopped. */
export function burnAtRandom(seed: number): ChildProcess {
  return spawn(process.execPath, ['-e', BURNER, String(seed)], { stdio: 'ignore' });
}
